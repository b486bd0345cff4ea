import { type Child, startChild, startKafka, waitFor } from '@waybill/testbed';
import { afterAll, describe, expect, test } from 'vitest';
import { messages, newStream, open, store } from './support.ts';
import { untilClosed, untilOpen, valuesIn } from './transactions.ts';

const broker = await startKafka({
  line: '4.3',
  ways: 1,
  configuration: { 'transaction.abort.timed.out.transaction.cleanup.interval.ms': '500' },
});
afterAll(() => broker[Symbol.asyncDispose]());

const program = new URL('../programs/transactor.ts', import.meta.url);
const total = 2000;
const expected = messages(total)
  .map(({ id }) => JSON.stringify(id))
  .sort();

/** Two streams, the first of which has records, and programs that move them into the second. */
async function moving(begun = total) {
  const link = await open(broker.url);
  const [from, to] = [await newStream(link, 4), await newStream(link, 3)];
  const group = `g-${from.name}`;
  const records = messages(total);
  const add = (many: number): Promise<void> => store(link, from, records.splice(0, many));
  await add(begun);
  const children: Child[] = [];
  return {
    to,
    add,
    async start(url = broker.url): Promise<Child> {
      const child = await startChild(program, [url, from.name, group, to.name, '3000']);
      children.push(child);
      return child;
    },
    /** What the group has not committed. Nobody can say while a transaction is open, nor while no broker is there. */
    async left(): Promise<number | undefined> {
      await using asking = await open(broker.url);
      return (await asking.admin!.depth({ ...from, group, from: 'earliest' })).ready;
    },
    async [Symbol.asyncDispose]() {
      for (const child of children) await child[Symbol.asyncDispose]();
      await link.close();
    },
  };
}
const isDone = (left: () => Promise<number | undefined>): Promise<true> =>
  waitFor('everything to be moved', async () => (await left()) === 0 || undefined, {
    timeoutMs: 120_000,
    everyMs: 500,
  });

describe('2,000 records, each moved by a transaction', () => {
  test('arrive once each, with a process killed three times and another one beside it', async () => {
    await using work = await moving(500);
    const beside = await work.start();
    await beside.reached('copied');
    for (let kills = 0; kills < 3; kills++) {
      const child = await work.start();
      await child.reached('granted', 60_000);
      // Whatever the other one has done meanwhile, there is work for both.
      await work.add(500);
      await child.reached('copied', 60_000);
      await child.kill();
    }
    await isDone(work.left);
    await untilClosed(broker.url, work.to.name);
    expect((await valuesIn(broker.url, work.to.name)).sort()).toEqual(expected);
  }, 240_000);

  test('arrive once each, with a process killed three times in the middle of a transaction', async () => {
    await using work = await moving();
    await using way = await broker.openWay();
    await way.proxies[0]!.inject({ kind: 'delay', ms: 200 });
    for (let kills = 0; kills < 3; kills++) {
      const child = await work.start(way.url);
      await child.reached('copied', 60_000);
      await untilOpen(broker.url, work.to.name);
      await child.kill();
    }
    await work.start();
    await isDone(work.left);
    await untilClosed(broker.url, work.to.name);
    const committed = await valuesIn(broker.url, work.to.name);
    expect(committed.sort()).toEqual(expected);
    // What the killed ones left behind is there, and hidden.
    expect((await valuesIn(broker.url, work.to.name, 'read_uncommitted')).length).toBeGreaterThan(total);
  }, 240_000);

  test('arrive once each, with the broker killed under them', async () => {
    await using work = await moving();
    const child = await work.start();
    await child.reached('copied');
    await broker.kill();
    await broker.restart();
    await isDone(work.left);
    await untilClosed(broker.url, work.to.name);
    expect((await valuesIn(broker.url, work.to.name)).sort()).toEqual(expected);
  }, 240_000);
});
