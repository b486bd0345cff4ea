import type { BrokerControl, FaultProxy } from '@waybill/conformance';
import type { Driver } from '@waybill/core';
import { type Proxy, type Server, startProxy } from '@waybill/testbed';

/** What can be done to the process of any server of the testbed. */
export function processControl(server: Server): BrokerControl {
  return {
    kill: async () => {
      const { pid } = server;
      await server.kill();
      return `pid ${pid} is gone`;
    },
    stop: async () => {
      const { pid } = server;
      await server.stop();
      return `pid ${pid} has ended`;
    },
    start: async () => {
      await server.restart();
      return `pid ${server.pid} answers`;
    },
    pause: async () => {
      await server.pause();
      return `pid ${server.pid} is stopped`;
    },
    resume: async () => {
      await server.resume();
      return `pid ${server.pid} runs again`;
    },
  };
}

/** A proxy of its own before a server whose clients keep to the URL that they are given. */
export async function proxyBefore(server: Server, driver: (url: string) => Driver): Promise<FaultProxy> {
  const proxy = await startProxy({ host: '127.0.0.1', port: server.port });
  return faultProxy(proxy, () => driver(proxy.url(server.url)), proxy);
}

/** A proxy as the cases use it; `whole` ends with it. */
export function faultProxy(proxy: Proxy, driver: () => Driver, whole: AsyncDisposable): FaultProxy {
  return {
    driver,
    inject: (fault, way) => proxy.inject(fault, way),
    heal: () => proxy.heal(),
    get bytes() {
      return proxy.bytes;
    },
    get liveConnections() {
      return proxy.liveConnections;
    },
    [Symbol.asyncDispose]: () => whole[Symbol.asyncDispose](),
  };
}
