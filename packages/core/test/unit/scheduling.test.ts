import { describe, expect, it } from 'vitest';
import { Credit } from '../../src/receive/credit.ts';
import { Scheduler } from '../../src/receive/scheduler.ts';
import { Watermarks } from '../../src/settle/watermarks.ts';

interface Item {
  readonly key: string;
  readonly number: number;
}
const items = (count: number, keys: number): Item[] =>
  Array.from({ length: count }, (_, number) => ({ key: String(number % keys), number }));

describe('Scheduler', () => {
  it('runs at most the concurrency at once, first come first served', () => {
    const started: number[] = [];
    const scheduler = new Scheduler<number>(2, undefined, (item) => void started.push(item));
    for (const item of [1, 2, 3, 4]) scheduler.push(item);
    expect(started).toEqual([1, 2]);
    scheduler.leave();
    expect(started).toEqual([1, 2, 3]);
  });

  it('runs one of a key at a time; a key is free when its holder has left and was freed', () => {
    const started: Item[] = [];
    const scheduler = new Scheduler<Item>(
      10,
      ({ key }) => key,
      (item) => void started.push(item),
    );
    const [a1, b1, a2, b2, a3] = items(5, 2) as [Item, Item, Item, Item, Item];
    for (const item of [a1, b1, a2, b2, a3]) scheduler.push(item);
    expect(started).toEqual([a1, b1]);
    scheduler.free(a1);
    scheduler.leave();
    expect(started).toEqual([a1, b1, a2]);
    scheduler.free(a3);
    scheduler.free(a2);
    scheduler.leave();
    expect(started).toEqual([a1, b1, a2]);
    const a4 = { key: '0', number: 9 };
    scheduler.push(a4);
    expect(started.at(-1)).toBe(a4);
  });

  it('a lost follower does not free the key of its holder', () => {
    const started: number[] = [];
    const scheduler = new Scheduler<Item>(
      10,
      ({ key }) => key,
      ({ number }) => void started.push(number),
    );
    const [first, second, third] = items(3, 1) as [Item, Item, Item];
    for (const item of [first, second, third]) scheduler.push(item);
    scheduler.free(second);
    expect(started).toEqual([0]);
    scheduler.free(first);
    scheduler.leave();
    expect(started).toEqual([0, 2]);
  });

  it('starts nothing while it pauses, and pause waits for what runs', async () => {
    const started: number[] = [];
    const scheduler = new Scheduler<number>(2, undefined, (item) => void started.push(item));
    scheduler.push(1);
    let quiet = false;
    const pausing = scheduler.pause().then(() => (quiet = true));
    scheduler.push(2);
    await Promise.resolve();
    expect([started, quiet, scheduler.paused]).toEqual([[1], false, true]);
    scheduler.leave();
    await pausing;
    expect(started).toEqual([1]);
    scheduler.resume();
    expect(started).toEqual([1, 2]);
  });

  it.each([
    ['without keys', 1, undefined],
    ['without keys, many at once', 100_000, undefined],
    ['with one key', 1, ({ key }: Item) => key],
    ['with one key, many at once', 100_000, ({ key }: Item) => key],
  ])('handlers that end at once do not grow the stack, %s', async (_, concurrency, keyOf) => {
    let ran = 0;
    const scheduler: Scheduler<Item> = new Scheduler(concurrency, keyOf, (item) => {
      ran++;
      scheduler.free(item);
      scheduler.leave();
    });
    await scheduler.pause();
    for (const item of items(100_000, 1)) scheduler.push(item);
    scheduler.resume();
    expect(ran).toBe(100_000);
  });

  it('withdraws what has not started', () => {
    const started: number[] = [];
    const scheduler = new Scheduler<number>(1, undefined, (item) => void started.push(item));
    for (const item of [1, 2, 3]) scheduler.push(item);
    scheduler.withdraw((item) => item === 2);
    scheduler.leave();
    expect(started).toEqual([1, 3]);
  });
});

describe('Credit', () => {
  it('is all for one lane', () => {
    const credit = new Credit(32, 16);
    credit.lanes = 1;
    expect([credit.limit(0), credit.free(0, 0)]).toEqual([32, 32]);
    for (let open = 1; open <= 32; open++) credit.took(open);
    expect(credit.free(32, 0)).toBe(0);
    credit.gave(31);
    expect(credit.free(31, 0)).toBe(1);
  });

  it('of several lanes leaves a slot for each other: a slow one never takes the last', () => {
    const credit = new Credit(32, 4);
    credit.lanes = 3;
    let open = 0;
    while (credit.free(open, 0) > 0) credit.took(++open);
    expect(open).toBe(3);
    expect(credit.free(0, 0)).toBeGreaterThan(0);
    credit.took(1);
    expect(credit.limit(open)).toBe(2);
  });

  it('keeps all lanes together within what may be in flight, and the next to hold nothing comes first', () => {
    const credit = new Credit(2, 1);
    credit.lanes = 100;
    for (let lane = 0; lane < 2; lane++) {
      expect(credit.free(0, 0)).toBe(1);
      credit.took(1);
    }
    expect(credit.free(0, 0)).toBe(0);
    expect(credit.free(1, 0)).toBeLessThanOrEqual(0);
    credit.gave(0);
    expect([credit.free(0, 0), credit.free(1, 0)]).toEqual([1, 0]);
  });

  it('does not count what waits to be run again against the turns of a lane', () => {
    const credit = new Credit(4, 1);
    credit.lanes = 6;
    credit.took(1);
    expect([credit.free(1, 0), credit.free(1, 1)]).toEqual([0, 1]);
  });
});

describe('Watermarks', () => {
  it('move over finished prefixes only, in order of delivery, whatever the positions are', () => {
    const marks = new Watermarks();
    const [a, b, c, d] = ['7', '3', '900', '12'].map((position) => marks.add(position)) as [
      ReturnType<Watermarks['add']>,
      ReturnType<Watermarks['add']>,
      ReturnType<Watermarks['add']>,
      ReturnType<Watermarks['add']>,
    ];
    marks.finish(b);
    marks.finish(c);
    expect(marks.dirty).toBeUndefined();
    marks.finish(a);
    expect([marks.dirty, marks.finished, marks.delivered]).toEqual(['900', 3, 4]);
    expect([marks.take(), marks.take()]).toEqual(['900', undefined]);
    marks.finish(d);
    expect(marks.take()).toBe('12');
  });

  it('take back what was not written, unless a later one covers it', () => {
    const marks = new Watermarks();
    const [a, b] = [marks.add('1'), marks.add('2')];
    marks.finish(a);
    const taken = marks.take() ?? '';
    marks.putBack(taken, []);
    expect(marks.dirty).toBe('1');
    marks.take();
    marks.finish(b);
    marks.putBack(taken, []);
    expect(marks.take()).toBe('2');
  });

  it('keep what goes out with them in the order of delivery, also through a failure', () => {
    const output = (id: string) => ({
      target: { kind: 'queue', name: 'q', order: 'none' } as const,
      message: { id, sendId: id, body: null, contentType: 'x', sentAt: 0, headers: {} },
    });
    const marks = new Watermarks();
    const all = ['1', '2', '3'].map((position) => {
      const mark = marks.add(position);
      mark.outputs = [output(`${position}a`), output(`${position}b`)];
      return mark;
    });
    const idsOf = (outputs: ReturnType<Watermarks['takeOutputs']>): string[] =>
      outputs.map(({ message }) => message.id);
    marks.finish(all[1]!);
    expect(marks.takeOutputs()).toEqual([]);
    marks.finish(all[0]!);
    const [through, outputs] = [marks.take()!, marks.takeOutputs()];
    expect([through, ...idsOf(outputs)]).toEqual(['2', '1a', '1b', '2a', '2b']);
    marks.finish(all[2]!);
    marks.putBack(through, outputs);
    expect([marks.take(), ...idsOf(marks.takeOutputs())]).toEqual(['3', '1a', '1b', '2a', '2b', '3a', '3b']);
    expect(marks.takeOutputs()).toEqual([]);
  });

  it('finish in any order end at the last of many thousands', () => {
    const marks = new Watermarks();
    const all = Array.from({ length: 10_000 }, (_, index) => marks.add(String(index)));
    for (const mark of all.toReversed()) marks.finish(mark);
    expect([marks.take(), marks.finished]).toEqual(['9999', 10_000]);
  });
});
