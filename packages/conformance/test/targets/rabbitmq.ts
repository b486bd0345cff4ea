import { rabbitmq } from '@waybill/adapter-rabbitmq';
import { type Broker, type RabbitmqLine, startRabbitmq } from '@waybill/testbed';
import { type BrokerControl, defineTarget, type Security, type Target } from '@waybill/conformance';
import { processControl, proxyBefore } from './server.ts';

/** A RabbitMQ of the testbed with every control; one from the environment has none over its process. */
export async function rabbitmqTarget(line: RabbitmqLine): Promise<Target> {
  const broker = await startRabbitmq({ line, tls: true });
  return defineTarget({
    name: `rabbitmq-${line}`,
    driver: () => rabbitmq(broker.url),
    url: broker.url,
    profile: { durable: 'process', note: 'one node, quorum queues' },
    timing: { quietMs: 250 },
    proxy: () => proxyBefore(broker, (url) => rabbitmq(url)),
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

const controlOf = (broker: Broker): BrokerControl => ({
  ...processControl(broker),
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
});
