import { type KafkaCluster, startKafkaCluster, waitFor } from '@waybill/testbed';
import type { Positioned } from '@waybill/core/driver';
import { type Bus, type BusEvent, connect, queue, type Queue } from '@waybill/core';
import { kafka } from '@waybill/adapter-kafka';
import { afterAll, describe, expect, test } from 'vitest';
import {
  foreignAdmin,
  message,
  messages,
  newStream,
  open,
  place,
  type Reading,
  read,
  store,
  type StreamPlace,
} from './support.ts';
import { untilClosed, untilOpen, valuesIn } from './transactions.ts';

const cluster: KafkaCluster = await startKafkaCluster({ line: '4.3', ways: 1 });
afterAll(() => cluster[Symbol.asyncDispose]());

/** Which of the nodes leads partition 0 of a topic, by Kafka's own account. */
async function leaderOf(topic: string): Promise<KafkaCluster['nodes'][number]> {
  const shown = await cluster.nodes[0]!.control('kafka-topics.sh', '--describe', '--topic', topic);
  const [, id] = /Partition: 0\s+Leader: (\d+)/.exec(shown) ?? [];
  return cluster.nodes[Number(id) - 1]!;
}

type Job = { readonly n: number };

/** Sends until it is told to stop, and keeps what became of each. */
class Load implements AsyncDisposable {
  readonly stored = new Set<number>();
  readonly failed: unknown[] = [];
  readonly #bus: Bus<{ jobs: Queue<Job> }>;
  readonly #done: Promise<void>;
  #isOver = false;
  constructor(bus: Bus<{ jobs: Queue<Job> }>) {
    this.#bus = bus;
    this.#done = this.#run();
  }
  end(): Promise<void> {
    this.#isOver = true;
    return this.#done;
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.end();
  }
  async #run(): Promise<void> {
    for (let first = 0; !this.#isOver; first += 20)
      await Promise.all(Array.from({ length: 20 }, (_, index) => this.#send(first + index)));
  }
  async #send(n: number): Promise<void> {
    try {
      await this.#bus.jobs.send({ n });
      this.stored.add(n);
    } catch (error) {
      this.failed.push(error);
    }
  }
}

describe('a cluster of three', () => {
  test.each([
    { client: 'platformatic', queues: 'groups' },
    { client: 'platformatic', queues: 'share-groups' },
    { client: 'kafkajs', queues: 'groups' },
  ] as const)(
    'loses the leader of a partition under load, with $client and $queues: nothing confirmed is lost, and nothing is stored twice',
    async ({ client, queues }) => {
      const jobs = queue<Job>(place().name);
      const handled = new Set<number>();
      const states: string[] = [];
      const observe = (event: BusEvent): void => {
        if (event.type === 'link') states.push(event.state);
      };
      await using bus = await connect(
        kafka({ url: cluster.url, client, queues, sessionTimeoutMs: 6000 }),
        { jobs },
        { observe },
      );
      await bus.jobs.consume(({ n }) => void handled.add(n), { concurrency: 16 });
      await using load = new Load(bus);
      await waitFor('traffic', () => load.stored.size > 200 || undefined, { timeoutMs: 20_000 });
      const leader = await leaderOf(`queue.${jobs.name}`);
      await leader.kill();
      const killed = load.stored.size;
      await waitFor('traffic without it', () => load.stored.size > killed + 200 || undefined, { timeoutMs: 20_000 });
      await leader.restart();
      await load.end();
      await waitFor('everything', () => [...load.stored].every((n) => handled.has(n)) || undefined, {
        timeoutMs: 20_000,
      });
      expect(load.failed).toEqual([]);
      expect(await lengthOf(`queue.${jobs.name}`)).toBe(load.stored.size);
      expect(states).toEqual(['live']);
    },
  );

  test('asks a broker again that was gone and is back, also the one that it first came to', async () => {
    await using link = await open(cluster.url);
    const log = await newStream(link, 3, { replicationFactor: 1, config: { 'min.insync.replicas': '1' } });
    const toAll = [0, 1, 2].map((partition) => message(`to ${partition}`, { native: { partition } }));
    await store(link, log, toAll);
    const [first] = cluster.nodes;
    await first!.kill();
    await first!.restart();
    const stored = async (): Promise<true | undefined> =>
      (await link.send(log, toAll)).unsent.length === 0 || undefined;
    expect(await waitFor('each of them to store', stored, { timeoutMs: 60_000 })).toBe(true);
  });

  test('follows the coordinator of a group to another broker', async () => {
    await using link = await open(cluster.url);
    const log = await newStream(link);
    const source = { ...log, group: `g-${log.name}`, from: 'earliest' } as const;
    await store(link, log, [message('one'), message('two')]);
    const reading = await read(link, source);
    const [one] = await reading.take(2);
    const coordinator = await leaderOf('__consumer_offsets');
    await coordinator.kill();
    const lane = await reading.lane();
    await waitFor(
      'a commit at the next coordinator',
      async () => (await reading.receiver.commit!([{ lane, through: one!.position }])).length === 0 || undefined,
      { timeoutMs: 20_000 },
    );
    await coordinator.restart();
    await waitFor('all replicas in sync', () => inSync(), { timeoutMs: 30_000, everyMs: 500 });
    expect(await link.admin!.depth(source)).toEqual({ ready: 1 });
    expect(reading.left).toEqual([]);
    await reading.receiver.close();
  });

  test('follows the coordinator of transactions to another broker, and stores every output once', async () => {
    await using link = await open(cluster.url);
    const [log, out] = [await newStream(link), await newStream(link)];
    await store(link, log, messages(200));
    const source = { ...log, group: `g-${log.name}`, from: 'earliest' } as const;
    const reading = await read(link, source);
    let moved = 0;
    const move = async (until: () => boolean): Promise<void> => {
      while (!until()) {
        const [one] = await reading.take(1);
        await transactOnce(reading, out, one!);
        moved++;
      }
    };
    await move(() => moved === 20);
    const coordinator = await leaderOf('__transaction_state');
    const killed = coordinator.kill();
    await move(() => moved === 100);
    await killed;
    await coordinator.restart();
    await move(() => moved === 200);
    await untilClosed(cluster.nodes[0]!.url, out.name);
    const expected = messages(200).map(({ id }) => JSON.stringify(id));
    expect(await valuesIn(cluster.nodes[0]!.url, out.name)).toEqual(expected);
    expect(await link.admin!.depth(source)).toEqual({ ready: 0 });
    await reading.receiver.close();
  }, 120_000);

  test('commits a transaction once when the answer to its commit is lost', async () => {
    await using way = await cluster.openWay();
    await using link = await open({ url: way.url, transactionTimeoutMs: 30_000 });
    const [log, out] = [await newStream(link), await newStream(link)];
    await store(link, log, messages(2));
    const reading = await read(link, { ...log, group: `g-${log.name}`, from: 'earliest' });
    const [first, second] = await reading.take(2);
    await transactOnce(reading, out, first!);
    const coordinator = cluster.nodes.indexOf(await leaderOf('__transaction_state'));
    const [{ url }] = cluster.nodes as [KafkaCluster['nodes'][number]];
    await untilClosed(url, out.name);
    for (const proxy of way.proxies) await proxy.inject({ kind: 'delay', ms: 600 });
    const transacted = transactOnce(reading, out, second!);
    await untilOpen(url, out.name);
    await untilClosed(url, out.name);
    // It is written, and the answer is on its way.
    await way.proxies[coordinator]!.inject({ kind: 'reset' });
    expect(await transacted).toEqual(['committed']);
    expect(await valuesIn(url, out.name)).toEqual([first!, second!].map(({ id }) => JSON.stringify(id)));
    for (const proxy of way.proxies) await proxy.heal();
    await reading.receiver.close();
  });

  test('makes topics with its own number of replicas, or with the number that was asked for', async () => {
    await using link = await open(cluster.url);
    const [three, one] = [await newStream(link), await newStream(link, 1, { replicationFactor: 1 })];
    const admin = foreignAdmin(cluster.nodes[0]!.url);
    const { topics } = await admin.metadata({ topics: [three.name, one.name] });
    await admin.close();
    expect(topics.get(three.name)!.partitions[0]!.replicas).toHaveLength(3);
    expect(topics.get(one.name)!.partitions[0]!.replicas).toHaveLength(1);
  });
});

/** Until it is committed; returns what became of each try. */
async function transactOnce(reading: Reading, out: StreamPlace, record: Positioned): Promise<readonly string[]> {
  const outputs = [{ target: out, message: message(record.id!) }];
  const mark = { lane: await reading.lane(), through: record.position };
  const outcomes: string[] = [];
  for (const until = Date.now() + 30_000; outcomes.at(-1) !== 'committed';) {
    const transacted = await reading.receiver.transact!(outputs, [mark]);
    outcomes.push(transacted.outcome);
    const isOver = !['committed', 'aborted'].includes(transacted.outcome) || Date.now() > until;
    if (isOver && 'error' in transacted) throw transacted.error;
  }
  return outcomes;
}

async function inSync(): Promise<true | undefined> {
  const shown = await cluster.nodes[0]!.control('kafka-topics.sh', '--describe', '--under-replicated-partitions');
  return shown.trim() === '' || undefined;
}

async function lengthOf(topic: string): Promise<number> {
  const shown = await cluster.nodes[0]!.control('kafka-get-offsets.sh', '--topic', topic);
  return shown
    .trim()
    .split('\n')
    .reduce((sum, line) => sum + Number(line.split(':')[2]), 0);
}
