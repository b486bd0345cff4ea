import { connect, stream, type } from '@waybill/core';
import type { Positioned } from '@waybill/core/driver';
import { redisLines, startRedis, waitFor } from '@waybill/testbed';
import { afterAll, describe, expect, test } from 'vitest';
import { failureOf, idsOf, message, messages, newStream, open, place, read, store } from './support.ts';

const soon = (): AbortSignal => AbortSignal.timeout(10_000);

describe.each(redisLines)('streams on %s', async (line) => {
  const server = await startRedis({ line });
  afterAll(() => server[Symbol.asyncDispose]());

  test('a position that was trimmed away is one clear error, one before it that nothing follows is not', async () => {
    await using link = await open(server.url);
    const log = await newStream(link, { native: { maxLength: 2 } });
    await store(link, log, messages(4));
    expect((await link.admin!.depth({ ...log, from: 'earliest' })).ready).toBe(2);
    const found: Positioned[] = [...(await (await read(link, { ...log, from: 'earliest' })).pull(9, soon()))];
    expect(idsOf(found)).toEqual(['m2', 'm3']);
    await store(link, log, messages(2));
    const after = (position: string) => ({ ...log, from: { after: { '': position }, otherwise: 'earliest' } }) as const;
    expect(await failureOf(read(link, after('1-0')))).toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('trimmed'),
    });
    expect(await failureOf(read(link, after('seven')))).toMatchObject({ code: 'invalid' });
    const rest = await (await read(link, after(found[1]!.position))).pull(9, soon());
    expect(idsOf(rest)).toEqual(['m0', 'm1']);
  });

  test('a slow reader that is overtaken by trimming is told', async () => {
    await using link = await open(server.url);
    const log = await newStream(link, { native: { maxLength: 3 } });
    await store(link, log, messages(1));
    const lane = await read(link, { ...log, from: 'earliest' });
    await lane.pull(9, soon());
    await store(link, log, messages(5));
    expect(await failureOf(lane.pull(9, soon()))).toMatchObject({ code: 'not-found' });
  });

  test('retention removes what is older, by the clock of the server', async () => {
    await using link = await open(server.url);
    const log = await newStream(link, { retentionMs: 200 });
    await store(link, log, [message('old')]);
    const left = await waitFor('the old one to go', async () => {
      await store(link, log, [message('new')]);
      const found = await (await read(link, { ...log, from: 'earliest' })).pull(1, soon());
      return found[0]?.id === 'new' ? found : undefined;
    });
    expect(idsOf(left)).toEqual(['new']);
  });

  test('declared otherwise is a mismatch; one order and several partitions exclude each other', async () => {
    await using link = await open(server.url);
    const log = await newStream(link, { partitions: 4 });
    expect(await link.declare!([{ ...log, partitions: 8 }], 'create')).toMatchObject([
      { property: 'partitions', wanted: '8', found: '4' },
    ]);
    const ordered = link.declare!([{ kind: 'stream', ...place({ order: 'total' }), partitions: 2 }], 'create');
    expect(await failureOf(ordered)).toMatchObject({ code: 'unsupported' });
  });

  test('members of a group share partitions: none lost, none read by two, order by key over a kill of one', async () => {
    const log = stream(place().name, {
      schema: type<number>(),
      partitions: 4,
      key: (n: number) => `k${n % 7}`,
      needs: { order: 'key' },
    });
    const options = { url: server.url, groupSessionMs: 1_000 };
    const { redisStreams } = await import('@waybill/adapter-redis-streams');
    const quiet = { observe: () => {} };
    const producer = await connect(redisStreams(options), { log }, quiet);
    const seen: number[] = [];
    const member = async () => {
      const bus = await connect(redisStreams(options), { log }, quiet);
      await bus.log.consume((n) => void seen.push(n), { group: 'g' });
      return bus;
    };
    const first = await member();
    const second = await member();
    await producer.log.appendMany(Array.from({ length: 300 }, (_, n) => n));
    await waitFor('the first part', () => (new Set(seen).size >= 300 ? true : undefined));
    await second.close();
    await producer.log.appendMany(Array.from({ length: 300 }, (_, n) => 300 + n));
    await waitFor('the second part', () => (new Set(seen).size >= 600 ? true : undefined));
    expect(seen).toHaveLength(600);
    for (let key = 0; key < 7; key++) {
      const ofKey = seen.filter((n) => n % 7 === key);
      expect(ofKey).toEqual([...ofKey].sort((one, other) => one - other));
    }
    await Promise.all([first.close(), producer.close()]);
  });
});
