import { kafka } from '@waybill/adapter-kafka';
import { type Proxy, startKafka, waitFor } from '@waybill/testbed';
import { afterAll, describe, expect, test } from 'vitest';
import type { Lane, Positioned } from '@waybill/core/driver';
import { closing, never } from '../../../conformance/test/link.ts';
import {
  declare,
  failureOf,
  foreignConsumer,
  message,
  messages,
  newQueue,
  newStream,
  open,
  place,
  type Reading,
  read,
  store,
} from './support.ts';

const broker = await startKafka({ line: '4.3', ways: 1 });
afterAll(() => broker[Symbol.asyncDispose]());

const received = ({ proxies }: { readonly proxies: readonly Proxy[] }): number =>
  proxies.reduce((sum, { bytes }) => sum + bytes.toClient.forwarded, 0);
const idsOf = (reading: Reading): string[] => [...reading.lanes.keys()].sort();

describe('a group', () => {
  test('shares partitions as members come and go, and moves only what must move', async () => {
    await using link = await open(broker.url);
    const log = await newStream(link, 4);
    const source = { ...log, group: `g-${log.name}`, from: 'earliest' } as const;
    const first = await read(link, source);
    await waitFor('all of it', async () => first.lanes.size === 4 || undefined);
    const kept = [...first.lanes.values()];
    const second = await read(link, source);
    await waitFor('half of it', async () => (first.lanes.size === 2 && second.lanes.size === 2) || undefined);
    expect(first.left).toHaveLength(2);
    for (const lane of first.lanes.values()) expect(kept).toContain(lane);
    await second.receiver.close();
    await waitFor('all of it again', async () => first.lanes.size === 4 || undefined);
    await first.receiver.close();
  });

  test('waits for what is drained before another member gets it, with heartbeats meanwhile', async () => {
    await using link = await open({ url: broker.url, sessionTimeoutMs: 2000, rebalanceTimeoutMs: 20_000 });
    const log = await newStream(link, 2);
    const source = { ...log, group: `g-${log.name}`, from: 'earliest' } as const;
    const first = await read(link, source);
    await waitFor('all of it', async () => first.lanes.size === 2 || undefined);
    let drained: (() => void) | undefined;
    let leaving: readonly Lane<Positioned>[] = [];
    first.onRevoking = (lanes) => {
      leaving = lanes;
      return new Promise((resolve) => (drained = resolve));
    };
    const second = await read(link, source);
    await waitFor('a lane to be asked for', async () => leaving.length === 1 || undefined);
    const begun = performance.now();
    // Longer than a session.
    await waitFor('three seconds', async () => performance.now() - begun > 3000 || undefined);
    expect(second.lanes.size).toBe(0);
    expect(await first.receiver.commit!([{ lane: leaving[0]!, through: '0' }])).toEqual([]);
    drained!();
    await waitFor('the other member to have it', async () => second.lanes.size === 1 || undefined);
    expect(await first.receiver.commit!([{ lane: leaving[0]!, through: '1' }])).toEqual([
      { index: 0, outcome: 'lost' },
    ]);
    await Promise.all([first.receiver.close(), second.receiver.close()]);
  });

  test('takes no commit of a member that was expelled while its line was dead', async () => {
    await using way = await broker.openWay();
    const [proxy] = way.proxies;
    await using frozen = await open({ url: way.url, sessionTimeoutMs: 1500, requestTimeoutMs: 30_000 });
    await using link = await open({ url: broker.url, sessionTimeoutMs: 1500 });
    const log = await newStream(link);
    const source = { ...log, group: `g-${log.name}`, from: 'earliest' } as const;
    await store(link, log, messages(100));
    const first = await read(frozen, source);
    const [lane] = [await first.lane()];
    await lane.pull(100, AbortSignal.timeout(5000));
    await proxy!.inject({ kind: 'stall' });
    const second = await read(link, source);
    const taken = await second.lane();
    expect(await second.receiver.commit!([{ lane: taken, through: '99' }])).toEqual([]);
    const late = first.receiver.commit!([{ lane, through: '49' }]);
    await proxy!.heal();
    const [unsettled] = await late;
    expect(['lost', 'failed']).toContain(unsettled!.outcome);
    expect(await link.admin!.depth(source)).toEqual({ ready: 0 });
    await second.receiver.close();
  });

  test('takes back a member whose line was cut, before the session of the lost one ends', async () => {
    await using way = await broker.openWay();
    const driver = kafka({ url: way.url, sessionTimeoutMs: 30_000 });
    const connect = async () => closing(await driver.connect({ signal: never, onBlocked: () => {} }));
    await using lost = await connect();
    const log = await newStream(lost, 2);
    const source = { ...log, group: `g-${log.name}`, from: 'earliest' } as const;
    const first = await read(lost, source);
    await waitFor('all of it', async () => first.lanes.size === 2 || undefined);
    await way.proxies[0]!.inject({ kind: 'reset' });
    await lost.closed;
    await using link = await connect();
    const begun = performance.now();
    const second = await read(link, source);
    await waitFor('all of it again', async () => second.lanes.size === 2 || undefined);
    expect(performance.now() - begun).toBeLessThan(10_000);
    await second.receiver.close();
  });

  test('is not stalled by a partition that nobody takes from', async () => {
    await using link = await open(broker.url);
    const log = await newStream(link, 2);
    await store(link, log, messages(2000, { native: { partition: 0 } }));
    await store(link, log, messages(2000, { native: { partition: 1 } }));
    const reading = await read(link, { ...log, group: `g-${log.name}`, from: 'earliest' });
    await waitFor('both', async () => reading.lanes.size === 2 || undefined);
    const [slow, fast] = [await reading.lane(0), await reading.lane(1)];
    expect(await slow.pull(1, AbortSignal.timeout(5000))).toHaveLength(1);
    const begun = performance.now();
    for (let got = 0; got < 2000;) got += (await fast.pull(100, AbortSignal.timeout(5000))).length;
    expect(performance.now() - begun).toBeLessThan(3000);
    await reading.receiver.close();
  });

  test('asks for what comes next while it hands out what it has, and for no more', async () => {
    await using way = await broker.openWay();
    await using link = await open(way.url);
    const log = await newStream(link);
    const [fetchBytes, many] = [1 << 20, 4000];
    await store(link, log, messages(many, { body: Buffer.alloc(1000) }));
    const reading = await read(link, { ...log, group: `g-${log.name}`, from: 'earliest' });
    const lane = await reading.lane();
    const before = received(way);
    const [first] = await lane.pull(1, AbortSignal.timeout(5000));
    expect(received(way) - before).toBeLessThan(1.2 * fetchBytes);
    const half = await lane.pull(600, AbortSignal.timeout(5000));
    await waitFor('the next fetch', async () => received(way) - before > 1.6 * fetchBytes || undefined);
    const rest = [first, ...half];
    while (rest.length < 900) rest.push(...(await lane.pull(900 - rest.length, AbortSignal.timeout(5000))));
    expect(received(way) - before).toBeLessThan(2.2 * fetchBytes);
    while (rest.length < many) rest.push(...(await lane.pull(100, AbortSignal.timeout(5000))));
    expect(rest).toHaveLength(many);
    await reading.receiver.close();
  });

  test('hands out nothing of what it has read ahead when a lane is moved', async () => {
    await using link = await open(broker.url);
    const log = await newStream(link);
    await store(link, log, messages(4000, { body: Buffer.alloc(1000) }));
    const reading = await read(link, { ...log, group: `g-${log.name}`, from: 'earliest' });
    const lane = await reading.lane();
    for (const to of [100, 1500, 20]) {
      for (let got = 0; got < 800;) got += (await lane.pull(800 - got, AbortSignal.timeout(5000))).length;
      await lane.seek!({ after: String(to) });
      const [next] = await lane.pull(1, AbortSignal.timeout(5000));
      expect(next!.position).toBe(String(to + 1));
    }
    await reading.receiver.close();
  });

  test('hands out what it has before it tells that the rest was trimmed away', async () => {
    await using link = await open(broker.url);
    const log = await newStream(link);
    await store(link, log, messages(4000, { body: Buffer.alloc(1000) }));
    const source = { ...log, group: `g-${log.name}`, from: 'earliest' } as const;
    const reading = await read(link, source);
    const lane = await reading.lane();
    const got = [...(await lane.pull(1, AbortSignal.timeout(5000)))];
    await link.admin!.purge!(source);
    const failure = await failureOf(
      (async () => {
        for (;;) got.push(...(await lane.pull(100, AbortSignal.timeout(10_000))));
      })(),
    );
    expect(failure).toMatchObject({ code: 'not-found' });
    expect(got.length).toBeGreaterThan(800);
    expect(got.map(({ position }) => position)).toEqual(got.map((_, index) => String(index)));
  });

  test('in which another kind of consumer is already is refused, with what to do', async () => {
    await using link = await open(broker.url);
    const log = await newStream(link);
    const group = `g-${log.name}`;
    await using other = await foreignConsumer(broker.url, group, log.name, 'roundrobin');
    expect(other.memberId).toBeTruthy();
    expect(await failureOf(read(link, { ...log, group, from: 'earliest' }))).toMatchObject({
      code: 'mismatch',
      message: expect.stringContaining('members of another kind') as string,
    });
  });

  test('may have members that read different topics', async () => {
    await using link = await open(broker.url);
    const [one, two] = [await newStream(link, 2), await newStream(link, 2)];
    const group = `g-${one.name}`;
    const first = await read(link, { ...one, group, from: 'earliest' });
    const second = await read(link, { ...two, group, from: 'earliest' });
    await waitFor('each its own', async () => (first.lanes.size === 2 && second.lanes.size === 2) || undefined);
    expect(idsOf(first)).toEqual([`${one.name}/0`, `${one.name}/1`]);
    expect(idsOf(second)).toEqual([`${two.name}/0`, `${two.name}/1`]);
    await Promise.all([first.receiver.close(), second.receiver.close()]);
  });

  test('gives out partitions that are added, from their first record on, and producers use them', async () => {
    await using link = await open(broker.url);
    const log = await newStream(link, 1);
    const reading = await read(link, { ...log, group: `g-${log.name}`, from: 'latest' });
    await reading.lane(0);
    await broker.control('kafka-topics.sh', '--alter', '--topic', log.name, '--partitions', '2');
    const sent = waitFor(
      'a record in the new one',
      async () => {
        await store(link, log, [message('a'), message('b')]);
        return [...reading.lanes.keys()].length === 2 || undefined;
      },
      { timeoutMs: 50_000, everyMs: 1000 },
    );
    await sent;
    expect((await (await reading.lane(1)).pull(1, AbortSignal.timeout(5000)))[0]!.position).toBe('0');
    await reading.receiver.close();
  }, 90_000);

  test('that is new begins where it is told, from the moment that it is made', async () => {
    await using link = await open(broker.url);
    const log = await newStream(link, 2);
    await store(link, log, messages(4));
    const source = { ...log, group: `g-${log.name}`, from: 'latest' } as const;
    const reading = await read(link, source);
    await store(link, log, [message('after')]);
    expect((await reading.take(1)).map(({ id }) => id)).toEqual(['after']);
    await reading.receiver.close();
    // It is not new any more: where it begins is not asked again.
    const again = await read(link, { ...source, from: 'earliest' });
    expect((await again.take(1)).map(({ id }) => id)).toEqual(['after']);
    await again.receiver.close();
  });
});

describe('a queue', () => {
  test('hands out what was committed to nobody, and its lag is its depth', async () => {
    await using link = await open(broker.url);
    const jobs = await newQueue(link, { native: { partitions: 1 } });
    await store(link, jobs, messages(3));
    const first = await read(link, jobs);
    const [one, two] = await first.take(2);
    expect([one!.id, two!.id]).toEqual(['m0', 'm1']);
    expect(await first.receiver.commit!([{ lane: await first.lane(), through: two!.position }])).toEqual([]);
    await first.receiver.close();
    expect(await link.admin!.depth(jobs)).toEqual({ ready: 1 });
    const second = await read(link, jobs);
    expect((await second.take(1)).map(({ id }) => id)).toEqual(['m2']);
    await second.receiver.close();
  });

  test('at most once: the position is written before anybody has the message', async () => {
    await using link = await open(broker.url);
    const jobs = await newQueue(link, { native: { partitions: 1 } });
    await store(link, jobs, messages(3));
    const first = await read(link, jobs, { delivery: 'at-most-once' });
    expect(await first.take(2)).toHaveLength(2);
    expect(await link.admin!.depth(jobs)).toEqual({ ready: 1 });
    await first.receiver.close();
  });

  test('is kept until it is handled, and is empty when it is purged', async () => {
    await using link = await open(broker.url);
    const jobs = await newQueue(link);
    await using admin = await foreignAdminOf(broker.url);
    expect(await admin.configOf(`queue.${jobs.name}`, 'retention.ms')).toBe('-1');
    await store(link, jobs, messages(12));
    expect(await link.admin!.depth(jobs)).toEqual({ ready: 12 });
    await link.admin!.purge!(jobs);
    expect(await link.admin!.depth(jobs)).toEqual({ ready: 0 });
  });
});

describe('a durable subscription', () => {
  test('has what came since it was declared, whoever consumes it and when', async () => {
    await using link = await open(broker.url);
    const news = { kind: 'topic', ...place() } as const;
    await declare(link, news);
    await store(link, news, [message('before')]);
    await declare(link, { kind: 'subscription', name: 'readers', topic: news.name, order: 'none' });
    await store(link, news, [message('since')]);
    const reading = await read(link, { ...news, subscription: 'readers' });
    expect((await reading.take(1)).map(({ id }) => id)).toEqual(['since']);
    await reading.receiver.close();
    await link.admin!.remove!({ kind: 'subscription', name: 'readers', topic: news.name, order: 'none' });
  });

  test('cannot be removed while it is consumed', async () => {
    await using link = await open(broker.url);
    const news = { kind: 'topic', ...place() } as const;
    const subscription = { kind: 'subscription', name: 'readers', topic: news.name, order: 'none' } as const;
    await declare(link, news, subscription);
    const reading = await read(link, { ...news, subscription: 'readers' });
    await reading.lane();
    expect(String(await failureOf(link.admin!.remove!(subscription)))).toContain('NON_EMPTY_GROUP');
    await reading.receiver.close();
  });
});

async function foreignAdminOf(url: string) {
  const { foreignAdmin } = await import('./support.ts');
  const admin = foreignAdmin(url);
  return {
    async configOf(topic: string, name: string): Promise<string | null | undefined> {
      const [found] = await admin.describeConfigs({ resources: [{ resourceType: 2, resourceName: topic }] });
      return found?.configs.find((one) => one.name === name)?.value;
    },
    [Symbol.asyncDispose]: () => admin.close(),
  };
}
