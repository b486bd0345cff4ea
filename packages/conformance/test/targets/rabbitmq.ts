import { rabbitmq } from '@waybill/adapter-rabbitmq';
import { type Broker, type RabbitmqLine, startProxy, startRabbitmq } from '@waybill/testbed';
import { type BrokerControl, defineTarget, type FaultProxy, type Security, type Target } from '@waybill/conformance';

/** A RabbitMQ of the testbed with every control; one from the environment has none over its process. */
export async function rabbitmqTarget(line: RabbitmqLine): Promise<Target> {
  const broker = await startRabbitmq({ line, tls: true });
  return defineTarget({
    name: `rabbitmq-${line}`,
    driver: () => rabbitmq(broker.url),
    url: broker.url,
    profile: { durable: 'process', note: 'one node, quorum queues' },
    timing: { quietMs: 250 },
    proxy: () => faultProxy(broker),
    security: securityOf(broker),
    ...(broker.controls === 'process' && { control: controlOf(broker) }),
    close: () => broker[Symbol.asyncDispose](),
  });
}

const wrong = 'not-the-password';

function securityOf({ url, tls }: Broker): Security {
  const refused = new URL(url);
  refused.password = wrong;
  const secrets = [wrong, ...[new URL(url).password].filter((password) => password.length > 6)];
  return {
    secrets,
    wrongPassword: () => rabbitmq(refused.href),
    ...(tls && {
      trusted: () => rabbitmq({ url: tls.url, tls: { ca: tls.authority } }),
      unknownAuthority: () => rabbitmq(tls.url),
      wrongName: () => rabbitmq({ url: tls.mismatchedUrl, tls: { ca: tls.authority } }),
    }),
  };
}

function controlOf(broker: Broker): BrokerControl {
  return {
    kill: async () => {
      const { pid } = broker;
      await broker.kill();
      return `pid ${pid} is gone`;
    },
    stop: async () => {
      const { pid } = broker;
      await broker.stop();
      return `pid ${pid} has ended`;
    },
    start: async () => {
      await broker.restart();
      return `pid ${broker.pid} answers`;
    },
    pause: async () => {
      await broker.pause();
      return `pid ${broker.pid} is stopped`;
    },
    resume: async () => {
      await broker.resume();
      return `pid ${broker.pid} runs again`;
    },
    disconnect: async () => {
      const said = await broker.control('close_all_connections', 'conformance');
      return said.trim().split('\n').at(-1) ?? 'connections closed';
    },
    block: async () => {
      await broker.setAlarm('memory', 'on');
      return 'the memory alarm is on';
    },
    unblock: async () => {
      await broker.setAlarm('memory', 'off');
      return 'the memory alarm is off';
    },
  };
}

async function faultProxy(broker: Broker): Promise<FaultProxy> {
  const proxy = await startProxy({ host: '127.0.0.1', port: Number(new URL(broker.url).port) });
  return {
    driver: () => rabbitmq(proxy.url(broker.url)),
    inject: (fault, way) => proxy.inject(fault, way),
    heal: () => proxy.heal(),
    get bytes() {
      return proxy.bytes;
    },
    get liveConnections() {
      return proxy.liveConnections;
    },
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  };
}
