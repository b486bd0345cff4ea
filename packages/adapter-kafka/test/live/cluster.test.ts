import { type KafkaCluster, startKafkaCluster, waitFor } from '@waybill/testbed';
import { type Bus, type BusEvent, connect, queue, type Queue } from '@waybill/core';
import { kafka } from '@waybill/adapter-kafka';
import { afterAll, describe, expect, test } from 'vitest';
import { foreignAdmin, message, newStream, open, place, read, store } from './support.ts';

const cluster: KafkaCluster = await startKafkaCluster({ line: '4.3' });
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
  test('loses the leader of a partition under load: nothing confirmed is lost, and nothing is stored twice', async () => {
    const jobs = queue<Job>(place().name);
    const handled = new Set<number>();
    const states: string[] = [];
    const observe = (event: BusEvent): void => {
      if (event.type === 'link') states.push(event.state);
    };
    await using bus = await connect(kafka({ url: cluster.url, sessionTimeoutMs: 6000 }), { jobs }, { observe });
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
