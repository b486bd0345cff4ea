import { nats } from '@waybill/adapter-nats';
import { type Nats, natsLines, startNats, waitFor } from '@waybill/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  accept,
  consume,
  failed,
  failureOf,
  idsOf,
  messages,
  type NatsLink,
  never,
  newQueue,
  open,
  place,
  read,
  store,
} from './support.ts';

describe.each(natsLines)('a JetStream domain behind a leaf of NATS %s', (line) => {
  let hub: Nats;
  let leaf: Nats;
  let link: NatsLink & AsyncDisposable;
  beforeAll(async () => {
    hub = await startNats({
      line,
      name: 'adapter-hub',
      takesLeaves: true,
      configuration: { jetstream: { domain: 'hub' } },
    });
    leaf = await startNats({
      line,
      name: 'adapter-leaf',
      configuration: { jetstream: { domain: 'leaf' }, leafnodes: { remotes: [{ url: hub.leafUrl }] } },
    });
    await waitFor('the leaf to have joined', async () => (await leavesOf(hub)) === 1 || undefined);
    link = await open({ url: leaf.url, domain: 'hub' });
  });
  afterAll(async () => {
    await link[Symbol.asyncDispose]();
    await leaf[Symbol.asyncDispose]();
    await hub[Symbol.asyncDispose]();
  });

  test('places are made there, and everything about their messages is said there', async () => {
    const queue = await newQueue(link);
    const ordered = await newQueue(link, { order: 'key' });
    await using there = await open(hub.url);
    for (const each of [queue, ordered]) {
      await store(link, each, messages(5));
      const consumer = await consume(link, each);
      const got = await consumer.take(5);
      expect(idsOf(got)).toEqual(idsOf(messages(5)));
      await consumer.settle(accept, ...got);
      const isEmpty = async (): Promise<true | undefined> => (await there.admin!.depth(each)).ready === 0 || undefined;
      await waitFor('all of it to be accepted at the hub', isEmpty);
    }
    expect(await streamsOf(leaf)).toBe(0);
  });

  test('what is given back comes again, counted, and positions of a stream are those of the hub', async () => {
    const queue = await newQueue(link);
    await store(link, queue, messages(1));
    const consumer = await consume(link, queue);
    await consumer.settle(failed, ...(await consumer.take(1)));
    expect((await consumer.take(1)).map(({ attempt }) => attempt)).toEqual([2]);
    const log = { kind: 'stream', ...place() } as const;
    expect(await link.declare!([log], 'create')).toEqual([]);
    await store(link, log, messages(3));
    const { lane } = await read(link, { ...log, from: { after: { '': '1' }, otherwise: 'earliest' } });
    const got = await lane.pull(1, AbortSignal.timeout(5_000));
    expect(got.map(({ id, position }) => [id, position])).toEqual([['m1', '2']]);
  });

  test('a domain that nobody answers for is one clear error', async () => {
    const failure = await failureOf(
      nats({ url: leaf.url, domain: 'nowhere' }).connect({ signal: never, onBlocked: () => {} }),
    );
    expect(failure).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/JetStream domain "nowhere"/),
    });
  });
});

const leavesOf = async (server: Nats): Promise<number> =>
  ((await server.monitor('leafz')) as { readonly leafnodes: number }).leafnodes;
const streamsOf = async (server: Nats): Promise<number> =>
  ((await server.monitor('jsz')) as { readonly streams: number }).streams;

describe.each(natsLines)('the rights that Waybill needs on NATS %s', (line) => {
  const needed = {
    publish: ['waybill.>', '$JS.API.>', '$JS.ACK.>'],
    subscribe: ['_INBOX_sales.>', 'waybill.owner.>', '$JS.EVENT.ADVISORY.CONSUMER.DELETED.>'],
  };
  let server: Nats;
  beforeAll(async () => {
    const users = [{ user: 'sales', password: 'p', permissions: needed }];
    server = await startNats({ line, name: 'adapter-rights', configuration: { authorization: { users } } });
  });
  afterAll(() => server[Symbol.asyncDispose]());
  const credentials = { username: 'sales', password: 'p' };

  test('those of the documentation are enough, with the inbox prefix that they name', async () => {
    await using link = await open({ url: server.url, credentials, inboxPrefix: '_INBOX_sales' });
    await using other = await open({ url: server.url, credentials, inboxPrefix: '_INBOX_sales' });
    const [queue, ordered] = [await newQueue(link), await newQueue(link, { order: 'total' })];
    for (const each of [queue, ordered]) {
      await store(link, each, messages(5));
      const consumer = await consume(link, each);
      const [first, ...rest] = await consumer.take(5);
      await consumer.settle(accept, ...rest);
      const waiting = each === ordered ? consume(other, each) : undefined;
      await consumer.receiver.close();
      const next = (await waiting) ?? (await consume(other, each));
      expect(idsOf(await next.take(1))).toEqual(idsOf([first!]));
    }
  });

  test('an inbox that may not be listened to is denied at once, and named', async () => {
    const since = performance.now();
    const failure = await failureOf(
      nats({ url: server.url, credentials }).connect({ signal: never, onBlocked: () => {} }),
    );
    expect(failure).toMatchObject({ code: 'denied', message: expect.stringMatching(/_INBOX\./) });
    expect(performance.now() - since).toBeLessThan(4_000);
  });
});
