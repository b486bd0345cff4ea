import { kafka } from '@waybill/adapter-kafka';
import { connect, queue, type } from '@waybill/core';
import { type BrokerControl, defineTarget, type FaultProxy, type Security, type Target } from '@waybill/conformance';
import { type Kafka, type KafkaLine, type KafkaWay, startKafka } from '@waybill/testbed';
import { faultProxy, processControl } from './server.ts';

const user = { name: 'conformance', password: 'open-sesame-kafka' };
/** The shortest session that Kafka's defaults allow: what a member that vanishes costs the others. */
const session = 'sessionTimeoutMs=6000';

export type KafkaClient = 'platformatic' | 'kafkajs';

const notes = {
  kafka: 'one node, KRaft',
  kafkajs: 'one node, KRaft; client library kafkajs',
  'kafka-share': 'one node, KRaft; queues through share groups',
} as const;

/** A Kafka of the testbed with every control; one from the environment has none over its process. */
export async function kafkaTarget(
  line: KafkaLine,
  client: KafkaClient = 'platformatic',
  queues: 'groups' | 'share-groups' = 'groups',
): Promise<Target> {
  const kind = client === 'kafkajs' ? 'kafkajs' : queues === 'groups' ? 'kafka' : 'kafka-share';
  const query = `client=${client}&queues=${queues}&${session}`;
  const isOurs = process.env['WAYBILL_KAFKA_URL'] === undefined;
  const broker = await startKafka({ line, ...(isOurs && { tls: true, user, ways: 40 }) });
  // A broker has no command that hangs up on its clients; what stands before it can.
  const way = isOurs ? await broker.openWay() : undefined;
  const url = `${(way ?? broker).url}?${query}`;
  if (queues === 'share-groups') await begin(url);
  return defineTarget({
    name: `${kind}-${line}`,
    driver: () => kafka(url),
    url,
    version: () => broker.version,
    profile: {
      durable: 'process',
      blocks: 'never',
      note: notes[kind],
    },
    timing: { quietMs: 400, positiveMs: 20_000 },
    ...(isOurs && {
      proxy: () => proxyOf(broker, query),
      security: securityOf(broker, url, client),
      control: controlOf(broker, way),
    }),
    close: () => broker[Symbol.asyncDispose](),
  });
}

/** The first share group of a cluster makes Kafka's own topic for them, which may take longer than a case waits for a connection. */
async function begin(url: string): Promise<void> {
  const first = queue('first', { schema: type<unknown>(), deadLetter: false, retry: { attempts: 1 } });
  await using bus = await connect(kafka(url), { first }, { connectTimeoutMs: 60_000 });
  await bus.ping();
}

const wrong = 'not-the-password';

function securityOf({ tls }: Kafka, url: string, client: KafkaClient): Security {
  return {
    secrets: [wrong, user.password],
    wrongPassword: () => kafka({ url, credentials: { username: user.name, password: wrong } }),
    ...(tls && {
      trusted: () => kafka({ client, url: tls.url, tls: { ca: tls.authority } }),
      unknownAuthority: () => kafka({ client, url: tls.url }),
      wrongName: () => kafka({ client, url: tls.mismatchedUrl, tls: { ca: tls.authority } }),
    }),
  };
}

function controlOf(broker: Kafka, way: KafkaWay | undefined): BrokerControl {
  return {
    ...processControl(broker),
    disconnect: async () => {
      for (const proxy of way?.proxies ?? []) await proxy.inject({ kind: 'reset' });
      return 'every connection was reset';
    },
  };
}

async function proxyOf(broker: Kafka, query: string): Promise<FaultProxy> {
  const way = await broker.openWay();
  const [proxy] = way.proxies;
  if (proxy === undefined) throw new Error('the way to a single broker has one proxy');
  return faultProxy(proxy, () => kafka(`${way.url}?${query}`), way);
}
