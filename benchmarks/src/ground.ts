import {
  type KafkaLine,
  type NatsLine,
  type RedisLine,
  startKafka,
  startNats,
  type Broker,
  startRabbitmq,
  startRedis,
} from '@waybill/testbed';
import { clientRows, type Comparison, endToEndSettings, tunedGates } from './client-rows.ts';
import { type ClientGround, filled } from './grounds/client-ground.ts';
import { openKafkaGround } from './grounds/kafka-ground.ts';
import { openNatsGround } from './grounds/nats-ground.ts';
import { openRedisGround } from './grounds/redis-ground.ts';
import { RabbitmqGround } from './harness/rabbitmq-field.ts';
import type { Row } from './harness/row.ts';
import { type Launch, runArm } from './harness/run-arm.ts';
import type { BrokerName, Size } from './harness/size.ts';
import { memoryRows } from './memory-rows.ts';
import { rabbitmqRows } from './rabbitmq-rows.ts';

/** A broker that is ready, and what is measured on it. */
export interface Ground extends AsyncDisposable {
  /** Name and version, as in the report. */
  readonly description: string;
  readonly rows: readonly Row[];
  /** The broker's process, where it is one of this machine. */
  readonly pid?: number | undefined;
}

export function openGround(broker: BrokerName, size: Size, launch: Launch): Promise<Ground> {
  switch (broker) {
    case 'memory':
      return memoryGround(size);
    case 'rabbitmq':
      return rabbitmqGround(size, launch);
    case 'redis':
      return redisGround(size, launch);
    case 'nats':
      return natsGround(size, launch);
    case 'kafka':
      return kafkaGround(size, launch);
    default:
      return broker satisfies never;
  }
}

const onProgress = (text: string): void => console.error(text);

async function memoryGround(size: Size): Promise<Ground> {
  return { description: 'in memory', rows: memoryRows(size), [Symbol.asyncDispose]: async () => undefined };
}

async function rabbitmqGround(size: Size, launch: Launch): Promise<Ground> {
  const server = await startRabbitmq({ line: '4.3', name: 'benchmarks', onProgress });
  const ground = await RabbitmqGround.open(server.url);
  const field = await ground.filled(0);
  const endToEndPerSecond = await calibrate(launch, size, 'rabbitmq/end-to-end-raw', field.settings);
  await field.remove();
  return {
    description: `RabbitMQ ${server.version}, one node, ${server.controls === 'none' ? 'external' : 'on this machine'}`,
    rows: rabbitmqRows(size, ground, { endToEndPerSecond }).map((row) => ({ ...row, prepare: () => rollOver(server) })),
    pid: server.pid,
    async [Symbol.asyncDispose]() {
      await ground.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

/**
 * The log of quorum queues rolls over every 500,000 entries: what is in it is moved into segments, which takes seconds, and
 * from which a consumer reads at half the rate. So a pair begins with a log of its own, which both of its queues share. A
 * server that is not ours is left as it is.
 */
const rollOver = async (server: Broker): Promise<void> => {
  if (server.controls !== 'none') await server.control('eval', 'ra_log_wal:force_roll_over(ra_log_wal).');
};

const redisQueue: Comparison = {
  programs: 'redis',
  client: 'ioredis',
  kind: 'queue',
  prefix: '',
  target: { idiomatic: 2, tuned: 3 },
  consumeAtLeast: 2,
  tunedGates,
  publishAtLeast: 0.97,
  sendManyAtLeast: 10,
  notes: {
    consume: [
      'a stream with a group, filled beforehand; XREADGROUP on a connection of its own; what is done is acknowledged and deleted',
      'idiomatic: all of one read at once, an XACK and an XDEL each, then the next read; tuned: one XACK and one XDEL for all that ended in a turn, and reads go on meanwhile',
    ],
    publish: ['XADD of body, id, type and time; tuned: automatic pipelining'],
  },
};

async function redisGround(size: Size, launch: Launch): Promise<Ground> {
  const line: RedisLine = '8';
  const server = await startRedis({ line, name: 'benchmarks', configuration: { appendfsync: 'everysec' }, onProgress });
  const ground = openRedisGround(ownUrl(server));
  const rate = await calibrateClient(launch, size, ground, redisQueue);
  return {
    description: `Redis ${server.version}, one node on this machine, append-only file, synced every second`,
    rows: clientRows(redisQueue, size, ground, rate),
    pid: server.pid,
    async [Symbol.asyncDispose]() {
      await ground.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

const natsQueue: Comparison = {
  programs: 'nats',
  client: '@nats-io/jetstream',
  kind: 'queue',
  prefix: '',
  target: { idiomatic: 2, tuned: 3 },
  consumeAtLeast: 1,
  tunedGates,
  publishAtLeast: 0.97,
  sendManyAtLeast: 6,
  notes: {
    consume: [
      'a work-queue stream on disk with a durable consumer, acknowledged one by one; filled beforehand',
      'idiomatic: for await, one handler at a time; tuned: callback, handlers at once',
    ],
    publish: ['with a message id, type and time as headers, each answered by the stream'],
  },
};
const natsRead: Comparison = {
  ...natsQueue,
  kind: 'read',
  prefix: 'read-',
  consumeAtLeast: 1.7,
  notes: {
    ...natsQueue.notes,
    consume: ['a stream on disk, read from its beginning by an ordered consumer; filled beforehand'],
  },
};

async function natsGround(size: Size, launch: Launch): Promise<Ground> {
  const line: NatsLine = '2.15';
  const server = await startNats({
    line,
    name: 'benchmarks',
    configuration: { jetstream: { sync_interval: '2m' } },
    onProgress,
  });
  const ground = await openNatsGround(ownUrl(server));
  const rate = await calibrateClient(launch, size, ground, natsQueue);
  const reading = clientRows(natsRead, size, ground, rate).filter(({ id }) => id.includes('consume'));
  return {
    description: `NATS ${server.version}, one node on this machine, streams in files, synced every two minutes (its default)`,
    rows: [...clientRows(natsQueue, size, ground, rate), ...reading],
    pid: server.pid,
    async [Symbol.asyncDispose]() {
      await ground.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

const kafkaNotes = {
  consume: [
    'a topic with one partition, filled beforehand, consumed by a group from its beginning; acks=all',
    'raw: fetch requests, the next on its way while records are handled, the end of the finished prefix committed every 50 ms; idiomatic: the stream of the client, which commits by itself',
  ],
  publish: ['acks=all; raw: idempotent produce requests, one at a time; id, type and time with every record'],
};
const kafkaLowLevel: Comparison = {
  programs: 'kafka',
  client: '@platformatic/kafka',
  kind: 'stream',
  prefix: '',
  target: { idiomatic: 9, tuned: 9 },
  consumeAtLeast: 1,
  tunedGates: [{ metric: 'rate', of: 'ratio', atLeast: 0.95 }],
  publishAtLeast: 0.95,
  notes: kafkaNotes,
};
const kafkajs: Comparison = {
  ...kafkaLowLevel,
  programs: 'kafkajs',
  client: 'kafkajs',
  prefix: 'kafkajs-',
  consumeAtLeast: 1.3,
  tunedGates: [{ metric: 'rate', of: 'ratio', atLeast: 1.9 }],
  notes: {
    consume: ['a topic with one partition, filled beforehand; eachMessage, committed by the client'],
    publish: ['acks=all; kafkajs: arrays of the window, one call after the other, without idempotence'],
  },
};
const ofKafkajs = ['kafkajs-consume-idiomatic', 'kafkajs-publish-many'];

async function kafkaGround(size: Size, launch: Launch): Promise<Ground> {
  const line: KafkaLine = '4.3';
  const server = await startKafka({ line, name: 'benchmarks', onProgress });
  const ground = await openKafkaGround(ownUrl(server));
  const rate = await calibrateClient(launch, size, ground, kafkaLowLevel);
  const others = clientRows(kafkajs, size, ground, rate).filter(({ id }) => ofKafkajs.includes(id));
  return {
    description: `Kafka ${server.version}, one broker on this machine`,
    rows: [...clientRows(kafkaLowLevel, size, ground, rate), ...others],
    pid: server.pid,
    async [Symbol.asyncDispose]() {
      await ground.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** A session empties its server again and again. */
function ownUrl({ url, controls }: { readonly url: string; readonly controls: 'process' | 'none' }): string {
  if (controls === 'process') return url;
  throw new Error(`A session empties its server, and ${url} came from the environment; unset that variable`);
}

async function calibrateClient(
  launch: Launch,
  size: Size,
  ground: ClientGround,
  { programs, kind }: Comparison,
): Promise<number> {
  const program = `${programs}/end-to-end`;
  const field = await filled(ground, kind, 0)({ name: 'calibration', program, settings: {} });
  const rate = await calibrate(launch, size, program, { ...field.settings, kind });
  await field.remove();
  return Math.floor(rate);
}

/** How fast the tuned raw client is when it publishes and consumes at once: half of that is the load of the latency rows. */
async function calibrate(
  launch: Launch,
  { messages }: Size,
  program: string,
  settings: Readonly<Record<string, string | number>>,
): Promise<number> {
  const measured = await runArm(launch, {
    program,
    warmUp: messages >> 2,
    messages,
    settings: { ...settings, ...endToEndSettings },
  });
  return (measured.messages / measured.elapsedMs) * 1000;
}
