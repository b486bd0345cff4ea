import { type BusEvent, connect, linear, queue, type } from '@waybill/core';
import { redisStreams } from '@waybill/adapter-redis-streams';
import type { Declaration, Lane } from '@waybill/core/driver';
import { redisLines, startRedis, waitFor } from '@waybill/testbed';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, test } from 'vitest';
import {
  accept,
  consume,
  declare,
  failed,
  failureOf,
  idsOf,
  laneOf,
  messages,
  newQueue,
  newStream,
  open,
  place,
  queueOf,
  read,
  type RedisLink,
  receive,
  store,
} from './support.ts';

type Taker = Awaited<ReturnType<typeof consume>>;

const soon = (): AbortSignal => AbortSignal.timeout(10_000);

describe.each(redisLines)('what others remove on %s', async (line) => {
  const server = await startRedis({ line });
  const raw = new Redis(server.url);
  // Where the server is killed: it connects again by itself.
  raw.on('error', () => {});
  afterAll(async () => {
    raw.disconnect();
    await server[Symbol.asyncDispose]();
  });
  const streamOf = (name: string): string => `waybill:queue:{${name}}`;
  /** What a lane says in the end; what it hands out before is not looked at. */
  const toldOf = (lane: Lane): Promise<Error> =>
    waitFor('the word of it', async () => {
      const failure = await failureOf(lane.pull(9, AbortSignal.timeout(50)));
      return failure instanceof Error ? failure : undefined;
    });
  const removed = (what: string) => ({ code: 'not-found', message: expect.stringContaining(what) as string });

  describe.each(['none', 'total'] as const)('from a queue with order %s', (order) => {
    const newPlace = async (link: RedisLink, many: number) => {
      const where = place({ order });
      await declare(link, queueOf(where));
      const jobs = { kind: 'queue', ...where } as const;
      await store(link, jobs, messages(many));
      return jobs;
    };

    test('before anybody ever read: told once, and the rest comes', async () => {
      await using link = await open({ url: server.url, pollMs: 20 });
      const jobs = await newPlace(link, 5);
      await raw.xtrim(streamOf(jobs.name), 'MAXLEN', 2);
      const first = await consume(link, jobs);
      expect(await toldOf(first.lane)).toMatchObject(removed('3 that nobody had read'));
      await first.receiver.close();
      const second = await consume(link, jobs);
      expect(idsOf(await second.take(2))).toEqual(['m3', 'm4']);
      expect(await second.takeWithin(200)).toEqual([]);
    });

    const cutBehindSettled = async (link: RedisLink): Promise<Taker> => {
      const jobs = await newPlace(link, 6);
      const earlier = await consume(link, jobs);
      await earlier.settle(accept, ...(await earlier.take(2)));
      await earlier.receiver.close();
      await raw.xadd(streamOf(jobs.name), 'MAXLEN', 2, '*', 'body', '"theirs"');
      return consume(link, jobs);
    };

    test.each(line === '7' ? [] : [line])('while nobody consumed, behind what was settled (%s)', async () => {
      await using link = await open({ url: server.url, pollMs: 20 });
      const taker = await cutBehindSettled(link);
      expect(await toldOf(taker.lane)).toMatchObject(removed('3 that nobody had read'));
    });

    test.each(line === '7' ? [line] : [])('Redis %s keeps no count, and nothing is guessed', async () => {
      await using link = await open({ url: server.url, pollMs: 20 });
      const taker = await cutBehindSettled(link);
      expect((await taker.takeWithin(300)).map(({ id }) => id)).toEqual(['m5', undefined]);
    });

    test('while a consumer held them: what it has run is settled, and it is told', async () => {
      await using link = await open({ url: server.url, pollMs: 20 });
      const jobs = await newPlace(link, 4);
      const holder = await consume(link, jobs);
      const held = await holder.take(3);
      await raw.xtrim(streamOf(jobs.name), 'MAXLEN', 2);
      await holder.settle(accept, held[0]!, held[1]!);
      expect(await toldOf(holder.lane)).toMatchObject(removed('2 that a consumer held'));
      await holder.settle(accept, held[2]!);
    });

    test('with a holder that died: who takes over has nothing to run, and says so', async () => {
      await using gone = await open(server.url);
      const jobs = await newPlace(gone, 3);
      await (await consume(gone, jobs, { leaseMs: 60_000 })).take(3);
      await raw.xtrim(streamOf(jobs.name), 'MAXLEN', 1);
      await server.control('CLIENT', 'KILL', 'TYPE', 'normal');
      await gone.closed;
      await using link = await open({ url: server.url, pollMs: 20 });
      const taker = await consume(link, jobs);
      expect(idsOf(await taker.lane.pull(9, soon()))).toEqual(['m2']);
      expect(await toldOf(taker.lane)).toMatchObject(removed('2 that a consumer held'));
    });
  });

  test('what cannot be put back is lost to its holder, and told', async () => {
    await using link = await open({ url: server.url, pollMs: 20 });
    const jobs = await newQueue(link);
    await store(link, jobs, messages(2));
    const holder = await consume(link, jobs);
    const [trimmed] = await holder.take(2);
    await raw.xdel(streamOf(jobs.name), (trimmed!.native as { id: string }).id);
    expect(await holder.settled(failed, trimmed!)).toEqual(['0 lost']);
    expect(await toldOf(holder.lane)).toMatchObject(removed('1 that a consumer held'));
    await holder.receiver.close();
    expect(idsOf(await (await consume(link, jobs)).take(1))).toEqual(['m1']);
  });

  test('nothing is said of what was settled, given back, delayed, purged, or removed before there was the queue', async () => {
    await using link = await open({ url: server.url, pollMs: 20 });
    const key = `orders.${place().name}`;
    for (let n = 0; n < 5; n++) await raw.xadd(key, 'MAXLEN', 3, '*', 'body', `${n}`);
    for (const jobs of [await newQueue(link, { native: { key } }), await newQueue(link)]) {
      await store(link, jobs, messages(20));
      const [one, other] = [await consume(link, jobs), await consume(link, jobs)];
      const [held, others] = [await one.take(7), await other.take(7)];
      await one.settle(accept, held[5]!, held[3]!, held[6]!);
      await other.settle(failed, others[1]!, others[0]!);
      await one.settle({ outcome: 'release', delayMs: 30, failed: true }, held[0]!);
      await other.settle(accept, ...others.slice(2));
      await link.admin!.purge!(jobs);
      await one.settle(accept, ...held.slice(1, 3), held[4]!);
      await one.receiver.close();
      await store(link, jobs, messages(3));
      await other.settle(accept, ...(await other.take(3)));
      await other.receiver.close();
      const last = await consume(link, jobs);
      expect(await last.takeWithin(300)).toEqual([]);
      expect(await link.admin!.depth(jobs)).toEqual({ ready: 0, inFlight: 0, delayed: 0 });
    }
  });

  test('nothing is said either where the server is killed again and again, handlers fail, and consumers come and go', async () => {
    const name = place().name;
    const schema = type<number>();
    const retry = { attempts: 50, backoff: linear({ firstMs: 10, maxMs: 50 }) };
    const places = {
      jobs: queue(name, { schema, retry }),
      ordered: queue(`${name}.o`, { schema, retry, needs: { order: 'total' } }),
    };
    const causes: string[] = [];
    const observe = (event: BusEvent): void =>
      void (event.type === 'consumer' && event.cause instanceof Error && causes.push(event.cause.message));
    const join = () => connect(redisStreams({ url: server.url, pollMs: 20 }), places, { observe });
    const bus = await join();
    const seen = { jobs: new Set<number>(), ordered: new Set<number>() };
    let runs = 0;
    const handler = (done: Set<number>) => (n: number) => {
      if (runs++ % 13 === 7) throw new Error('provoked');
      done.add(n);
    };
    for (let round = 0; round < 3; round++) {
      await using passing = await join();
      for (const one of [bus, passing]) {
        if (one === bus && round > 0) continue;
        await one.jobs.consume(handler(seen.jobs));
        await one.ordered.consume(handler(seen.ordered));
      }
      const batch = Array.from({ length: 100 }, (_, at) => round * 100 + at);
      await Promise.all([bus.jobs.sendMany(batch), bus.ordered.sendMany(batch)]);
      await server.kill();
      await server.restart();
    }
    await waitFor('everything', () => (seen.jobs.size === 300 && seen.ordered.size === 300) || undefined, {
      timeoutMs: 50_000,
    });
    await bus.close();
    expect(causes.length).toBeGreaterThan(0);
    expect(causes.filter((cause) => cause.includes('removed by somebody else'))).toEqual([]);
  });

  test('an application hears of it as an event of its consumer, once, and goes on', async () => {
    const name = place().name;
    const causes: unknown[] = [];
    const jobs = queue(name, { schema: type<number>() });
    const producer = await connect(redisStreams(server.url), { jobs }, { observe: () => {} });
    await producer.jobs.sendMany([1, 2, 3, 4]);
    await raw.xtrim(streamOf(name), 'MAXLEN', 1);
    const bus = await connect(
      redisStreams({ url: server.url, pollMs: 20 }),
      { jobs },
      {
        observe: (event) => void (event.type === 'consumer' && event.cause !== undefined && causes.push(event.cause)),
      },
    );
    try {
      const seen: number[] = [];
      await bus.jobs.consume((n) => void seen.push(n));
      await waitFor('what is left', () => seen[0]);
      await producer.jobs.send(5);
      await waitFor('what comes', () => seen[1]);
      expect(seen).toEqual([4, 5]);
      expect(causes).toMatchObject([removed('3 that nobody had read')]);
    } finally {
      await Promise.all([bus.close(), producer.close()]);
    }
  });

  describe('from a stream', () => {
    const keyOf = (name: string): string => `waybill:stream:{${name}}`;
    const trimmed = { code: 'not-found', message: expect.stringContaining('trimmed away') as string };

    test('a position whose followers are gone is refused; one that nothing is missing behind is not', async () => {
      await using link = await open(server.url);
      const log = await newStream(link);
      await store(link, log, messages(5));
      const found = [...(await (await read(link, { ...log, from: 'earliest' })).pull(9, soon()))];
      const after = (at: number) =>
        read(link, { ...log, from: { after: { '': found[at]!.position }, otherwise: 'earliest' } });
      await raw.xtrim(keyOf(log.name), 'MAXLEN', 2);
      expect(await failureOf(after(0))).toMatchObject(trimmed);
      expect(idsOf(await (await after(3)).pull(9, soon()))).toEqual(['m4']);
      await raw.xtrim(keyOf(log.name), 'MAXLEN', 0);
      expect(await failureOf(after(3))).toMatchObject(trimmed);
      const atTheEnd = await after(4);
      await store(link, log, messages(1));
      expect(idsOf(await atTheEnd.pull(9, soon()))).toEqual(['m0']);
    });

    test('an open reader is told when it is overtaken, and not when it has everything', async () => {
      await using link = await open(server.url);
      const log = await newStream(link);
      await store(link, log, messages(4));
      const [slow, quick] = [
        await read(link, { ...log, from: 'earliest' }),
        await read(link, { ...log, from: 'earliest' }),
      ];
      expect(idsOf(await slow.pull(1, soon()))).toEqual(['m0']);
      expect(idsOf(await quick.pull(2, soon()))).toEqual(['m0', 'm1']);
      // What it has read itself goes, and no more.
      await raw.xtrim(keyOf(log.name), 'MAXLEN', 2);
      expect(await failureOf(slow.pull(9, soon()))).toMatchObject(trimmed);
      expect(idsOf(await quick.pull(9, soon()))).toEqual(['m2', 'm3']);
      await raw.xtrim(keyOf(log.name), 'MAXLEN', 0);
      await raw.xadd(keyOf(log.name), '*', 'body', '"late"');
      expect(await quick.pull(9, soon())).toHaveLength(1);
      await store(link, log, messages(3));
      await raw.xtrim(keyOf(log.name), 'MAXLEN', 1);
      expect(await failureOf(quick.pull(9, soon()))).toMatchObject(trimmed);
    });

    test('a group is told once and goes on with what is left', async () => {
      await using link = await open(server.url);
      const log: Extract<Declaration, { kind: 'stream' }> = { kind: 'stream', ...place() };
      await declare(link, log);
      await store(link, log, messages(5));
      const source = { ...log, group: 'g', from: 'earliest' } as const;
      const first = await receive(link, 'position', source);
      const lane = await laneOf(first);
      const [one] = await lane.pull(1, soon());
      await first.commit!([{ lane, through: one!.position }]);
      await first.close();
      await raw.xtrim(keyOf(log.name), 'MAXLEN', 2);
      const second = await receive(link, 'position', source);
      expect(await second.closed).toMatchObject(trimmed);
      await second.close();
      const third = await receive(link, 'position', source);
      const left = await laneOf(third);
      expect(idsOf(await left.pull(9, soon()))).toEqual(['m3', 'm4']);
      await store(link, log, messages(4));
      await raw.xtrim(keyOf(log.name), 'MAXLEN', 1);
      expect(await failureOf(left.pull(9, soon()))).toMatchObject(trimmed);
      await third.close();
      const fourth = await laneOf(await receive(link, 'position', source));
      expect(idsOf(await fourth.pull(9, soon()))).toEqual(['m3']);
    });
  });
});
