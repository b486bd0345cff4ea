import { connect as connectNats, type NatsConnection } from '@nats-io/transport-node';
import {
  Admin,
  Consumer,
  ListOffsetTimestamps,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka';
import { Redis } from 'ioredis';
import {
  kafkaLines,
  natsLines,
  redisLines,
  startKafka,
  startNats,
  startRedis,
  type KafkaLine,
  type NatsLine,
  type RedisLine,
  type Server,
} from '../../src/index.ts';
import { probeKafka } from '../../src/kafka/probe.ts';
import { probeNats } from '../../src/nats/probe.ts';
import { probeRedis } from '../../src/redis/probe.ts';

/** A kind of server, and how a client writes to it and reads from it. */
export interface Subject {
  readonly name: string;
  readonly line: string;
  readonly start: (name: string) => Promise<Server>;
  readonly probe: (url: string, options: { timeoutMs: number }) => Promise<string>;
  /** Resolves when the server has confirmed. */
  readonly write: (url: string, texts: readonly string[]) => Promise<void>;
  /** All that was ever written. */
  readonly read: (url: string) => Promise<readonly string[]>;
  /** Of a process that was asked to end. */
  readonly stopped: { readonly code: number | null; readonly signal: string | null };
}

function redis(line: RedisLine): Subject {
  const withClient = async <Result>(url: string, act: (client: Redis) => Promise<Result>): Promise<Result> => {
    const client = new Redis(url, { maxRetriesPerRequest: 1 });
    return act(client).finally(() => client.disconnect());
  };
  return {
    name: 'redis',
    line,
    start: (name) => startRedis({ line, name }),
    probe: probeRedis,
    write: (url, texts) =>
      withClient(url, async (client) => {
        for (const text of texts) await client.xadd('kept', '*', 'text', text);
      }),
    read: (url) =>
      withClient(url, async (client) => (await client.xrange('kept', '-', '+')).map(([, [, text = '']]) => text)),
    stopped: { code: 0, signal: null },
  };
}

function nats(line: NatsLine): Subject {
  const withClient = async <Result>(
    url: string,
    act: (connection: NatsConnection) => Promise<Result>,
  ): Promise<Result> => {
    const connection = await connectNats({ servers: new URL(url).host, reconnect: false });
    try {
      return await act(connection);
    } finally {
      await connection.close();
    }
  };
  return {
    name: 'nats',
    line,
    start: (name) => startNats({ line, name }),
    probe: probeNats,
    write: (url, texts) =>
      withClient(url, async (connection) => {
        await jetstream(connection, 'STREAM.CREATE.kept', { name: 'kept', subjects: ['kept'], storage: 'file' });
        for (const text of texts) await connection.request('kept', text);
      }),
    read: (url) =>
      withClient(url, async (connection) => {
        const { state } = await jetstream(connection, 'STREAM.INFO.kept', {});
        const sequences = Array.from({ length: state?.last_seq ?? 0 }, (_, index) => index + 1);
        const answers = sequences.map((seq) => jetstream(connection, 'STREAM.MSG.GET.kept', { seq }));
        return (await Promise.all(answers)).map(({ message }) => Buffer.from(message?.data ?? '', 'base64').toString());
      }),
    stopped: { code: line === '2.9' ? 1 : 0, signal: null },
  };
}

interface JetstreamAnswer {
  readonly error?: { readonly description: string };
  readonly state?: { readonly last_seq: number };
  readonly message?: { readonly data: string };
}

async function jetstream(connection: NatsConnection, subject: string, question: object): Promise<JetstreamAnswer> {
  const answer = (await connection.request(`$JS.API.${subject}`, JSON.stringify(question))).json<JetstreamAnswer>();
  if (answer.error) throw new Error(answer.error.description);
  return answer;
}

function kafka(line: KafkaLine): Subject {
  return {
    name: 'kafka',
    line,
    start: (name) => startKafka({ line, name }),
    probe: probeKafka,
    write: (url, texts) => writeToKafka(kafkaClient(url), texts),
    read: (url) => readFromKafka(kafkaClient(url)),
    stopped: { code: 143, signal: null },
  };
}

export interface KafkaClient {
  readonly clientId: string;
  readonly bootstrapBrokers: string[];
  readonly sasl?: { mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'; username: string; password: string };
  readonly tls?: { ca: string };
  readonly retries: number;
}

export function kafkaClient(url: string, more: Partial<KafkaClient> = {}): KafkaClient {
  const hosts = url.replace(/^.*\/\/(.*@)?/, '');
  return { clientId: 'testbed', bootstrapBrokers: hosts.split(','), retries: 1, ...more };
}

export async function writeToKafka(client: KafkaClient, texts: readonly string[]): Promise<void> {
  const admin = new Admin(client);
  const producer = new Producer({ ...client, serializers: stringSerializers });
  try {
    await admin.createTopics({ topics: ['kept'], partitions: 1 });
    await producer.send({ messages: texts.map((value) => ({ topic: 'kept', value })), acks: -1 });
  } finally {
    await producer.close();
    await admin.close();
  }
}

export async function readFromKafka(client: KafkaClient): Promise<readonly string[]> {
  const admin = new Admin(client);
  const consumer = new Consumer({ ...client, groupId: `reader-${Date.now()}`, deserializers: stringDeserializers });
  try {
    const [topic] = await admin.listOffsets({
      topics: [{ name: 'kept', partitions: [{ partitionIndex: 0, timestamp: ListOffsetTimestamps.LATEST }] }],
    });
    const end = Number(topic?.partitions[0]?.offset ?? 0);
    const texts: string[] = [];
    const stream = await consumer.consume({ topics: ['kept'], mode: 'earliest', autocommit: false });
    for await (const { value } of stream) if (texts.push(value ?? '') === end) break;
    return texts;
  } finally {
    await consumer.close(true);
    await admin.close();
  }
}

export const subjects: readonly Subject[] = [
  ...redisLines.map(redis),
  ...natsLines.map(nats),
  ...kafkaLines.map(kafka),
];
