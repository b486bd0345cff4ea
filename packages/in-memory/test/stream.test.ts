import type {
  From,
  Lane,
  LaneOwner,
  Link,
  Outgoing,
  PositionReceiver,
  Positioned,
  ReceiveOptions,
} from '@waybill/core/driver';
import { describe, expect, it } from 'vitest';
import { bench, connect, message, never, queue, send, texts } from './support.ts';

const events = { kind: 'stream', name: 'events', order: 'key' } as const;
const declared = (more: object = {}) => ({ ...events, ...more }) as const;

/** A consumer of a stream that writes down what it is told. */
interface Consumer {
  readonly receiver: PositionReceiver;
  readonly lanes: Map<string, Lane<Positioned>>;
  readonly told: string[];
  /** What the next `revoking` waits for. */
  hold: Promise<void> | undefined;
}

async function read(
  link: Link,
  source: { readonly group?: string; readonly from: From },
  options: Partial<ReceiveOptions> = {},
): Promise<Consumer> {
  const receiver = await link.receive(
    { ...events, ...source },
    { signal: never, delivery: 'at-least-once', maxInFlight: 100, leaseMs: 1000, ...options },
  );
  if (receiver.style !== 'position') throw new Error(`a ${receiver.style} receiver came`);
  const consumer: Consumer = { receiver, lanes: new Map(), told: [], hold: undefined };
  const idsOf = (lanes: readonly Lane[]) => lanes.map(({ id }) => id).join(' ');
  const owner: LaneOwner<Positioned> = {
    granted: (lanes) => {
      consumer.told.push(`granted ${idsOf(lanes)}`);
      for (const lane of lanes) consumer.lanes.set(lane.id, lane);
    },
    revoking: async (lanes) => {
      consumer.told.push(`revoking ${idsOf(lanes)}`);
      await consumer.hold;
    },
    ended: (lanes) => {
      consumer.told.push(`ended ${idsOf(lanes)}`);
      for (const lane of lanes) consumer.lanes.delete(lane.id);
    },
  };
  receiver.start(owner);
  return consumer;
}

async function now(lane: Lane<Positioned> | undefined, limit = 1000): Promise<readonly Positioned[]> {
  const control = new AbortController();
  const pulled = lane!.pull(limit, control.signal);
  control.abort();
  return pulled;
}
const only = (consumer: Consumer): Lane<Positioned> => consumer.lanes.get('')!;
const keyed = (key: string, text: string): Outgoing => message(text, { key });

describe('a stream', () => {
  it('keeps its records for every reader, in order, with positions', async () => {
    const { link, declare } = await bench();
    await declare(declared());
    const sent = await link.send(events, [message('a'), message('b')]);
    expect([sent.position!(0), sent.position!(1)]).toEqual(['0', '1']);
    for (let reader = 0; reader < 2; reader += 1) {
      const records = await now(only(await read(link, { from: 'earliest' })));
      expect(texts(records)).toEqual(['a', 'b']);
      expect(records.map(({ position }) => position)).toEqual(['0', '1']);
    }
  });

  it('says where the first of two equal sends stands', async () => {
    const { link, declare } = await bench();
    await declare(declared());
    const once = message('a', { sendId: 'once' });
    await send(link, events, once, 'b');
    const again = await link.send(events, [once, message('c')]);
    expect([again.position!(0), again.position!(1)]).toEqual(['0', '2']);
  });

  it('wakes a reader who waits', async () => {
    const { link, declare } = await bench();
    await declare(declared());
    const pulled = only(await read(link, { from: 'latest' })).pull(10, never);
    await send(link, events, 'a', 'b');
    expect(texts(await pulled)).toEqual(['a', 'b']);
  });

  it('begins at the ends, at a time, or after a position', async () => {
    const { clock, link, declare } = await bench();
    await declare(declared());
    await send(link, events, 'a', 'b');
    await clock.advance(1000);
    const time = clock.now();
    await send(link, events, 'c');
    await clock.advance(1000);
    await send(link, events, 'd');
    const from = async (start: From) => texts(await now(only(await read(link, { from: start }))));
    expect(await from('earliest')).toEqual(['a', 'b', 'c', 'd']);
    expect(await from('latest')).toEqual([]);
    expect(await from({ timestamp: time })).toEqual(['c', 'd']);
    expect(await from({ timestamp: time + 1 })).toEqual(['d']);
    expect(await from({ timestamp: time + 5000 })).toEqual([]);
    expect(await from({ after: { '': '1' }, otherwise: 'earliest' })).toEqual(['c', 'd']);
    expect(await from({ after: {}, otherwise: 'latest' })).toEqual([]);
    await expect(from({ after: { '': 'no number' }, otherwise: 'latest' })).rejects.toMatchObject({ code: 'invalid' });
  });

  it('moves a lane where it is told', async () => {
    const { clock, link, declare } = await bench();
    await declare(declared());
    await send(link, events, 'a', 'b', 'c');
    const lane = only(await read(link, { from: 'latest' }));
    const waiting = lane.pull(1, never);
    await lane.seek!('earliest');
    expect(texts(await waiting)).toEqual(['a']);
    await lane.seek!({ after: '1' });
    expect(texts(await now(lane))).toEqual(['c']);
    await lane.seek!({ timestamp: clock.now() });
    expect(texts(await now(lane))).toEqual(['a', 'b', 'c']);
    await lane.seek!('latest');
    expect(await now(lane)).toEqual([]);
    await expect(lane.seek!({ after: '-1' })).rejects.toMatchObject({ code: 'invalid' });
  });

  it('keeps tombstones', async () => {
    const { link, declare } = await bench();
    await declare(declared());
    await send(link, events, message('gone', { key: 'k', body: null }));
    expect((await now(only(await read(link, { from: 'earliest' }))))[0]).toMatchObject({ body: null, key: 'k' });
  });

  it('drops what is older than its retention, and keeps the positions of the rest', async () => {
    const { broker, clock, link, declare } = await bench();
    await declare(declared({ retentionMs: 1000 }));
    await send(link, events, 'a');
    await clock.advance(600);
    await send(link, events, 'b');
    const reader = await read(link, { from: 'earliest' });
    await clock.advance(401);
    expect((await now(only(reader))).map(({ position }) => position)).toEqual(['1']);
    expect(texts(broker.messages('events'))).toEqual(['b']);
  });

  it('spreads keys over partitions, each always to the same, and ids name them', async () => {
    const { link, declare } = await bench({ partitions: 3 });
    await declare(declared());
    const keys = Array.from({ length: 60 }, (_, index) => `k${index}`);
    for (const round of [1, 2]) await send(link, events, ...keys.map((key) => keyed(key, `${key} ${round}`)));
    const reader = await read(link, { from: 'earliest' });
    expect([...reader.lanes.keys()]).toEqual(['events/0', 'events/1', 'events/2']);
    const found = await Promise.all([...reader.lanes.values()].map((lane) => now(lane)));
    for (const records of found) {
      const inLane = [...new Set(records.map(({ key }) => key!))];
      expect(inLane.length).toBeGreaterThan(5);
      expect(texts(records)).toEqual([1, 2].flatMap((round) => inLane.map((key) => `${key} ${round}`)));
    }
    expect(found.flat()).toHaveLength(120);
  });

  it('keeps one partition for total order', async () => {
    const { broker, link, declare } = await bench({ partitions: 3 });
    await declare(declared({ order: 'total' }));
    expect((await read(link, { from: 'earliest' })).lanes.size).toBe(1);
    const other = await connect(broker);
    await expect(
      other.declare!([declared({ name: 'other', order: 'total', partitions: 2 })], 'create'),
    ).rejects.toMatchObject({ code: 'invalid' });
  });

  it('ends its readers when it is removed', async () => {
    const { link, declare } = await bench();
    await declare(declared());
    const reader = await read(link, { from: 'earliest' });
    const waiting = only(reader).pull(1, never);
    await link.admin!.remove!(declared());
    await expect(waiting).rejects.toMatchObject({ code: 'not-found' });
    await expect(reader.receiver.closed).resolves.toMatchObject({ code: 'not-found' });
    await expect(only(reader).pull(1, never)).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('a group', () => {
  it('goes on where it committed, whoever reads next', async () => {
    const { link, declare } = await bench();
    await declare(declared());
    await send(link, events, 'a', 'b', 'c');
    const first = await read(link, { group: 'g', from: 'earliest' });
    const [a] = await now(only(first));
    expect(await first.receiver.commit!([{ lane: only(first), through: a!.position }])).toEqual([]);
    expect(await link.admin!.depth({ ...events, group: 'g', from: 'earliest' })).toEqual({ ready: 2 });
    await first.receiver.close();
    const second = await read(link, { group: 'g', from: 'latest' });
    expect(texts(await now(only(second)))).toEqual(['b', 'c']);
    expect(texts(await now(only(await read(link, { group: 'new', from: 'latest' }))))).toEqual([]);
  });

  it('is placed when it first joins, not when it first reads', async () => {
    const { link, declare } = await bench();
    await declare(declared());
    const reader = await read(link, { group: 'g', from: 'latest' });
    await send(link, events, 'a');
    await reader.receiver.close();
    expect(texts(await now(only(await read(link, { group: 'g', from: 'latest' }))))).toEqual(['a']);
  });

  it('does not exist for a reader without one', async () => {
    const { link, declare } = await bench();
    await declare(declared());
    expect((await read(link, { from: 'earliest' })).receiver.commit).toBeUndefined();
  });

  it('writes the position before an at-most-once consumer has the messages', async () => {
    const { link, declare } = await bench();
    await declare(declared());
    await send(link, events, 'a', 'b');
    const first = await read(link, { group: 'g', from: 'earliest' }, { delivery: 'at-most-once' });
    expect(texts(await now(only(first), 1))).toEqual(['a']);
    await first.receiver.close();
    expect(texts(await now(only(await read(link, { group: 'g', from: 'earliest' }))))).toEqual(['b']);
  });

  it('shares the partitions, asks before it takes one away, and fences who lost it', async () => {
    const { broker, clock, link, declare } = await bench({ partitions: 4 });
    await declare(declared());
    await send(link, events, ...Array.from({ length: 40 }, (_, index) => keyed(`k${index}`, `${index}`)));
    const first = await read(link, { group: 'g', from: 'earliest' });
    expect(first.told).toEqual(['granted events/0 events/1 events/2 events/3']);
    const moving = first.lanes.get('events/3')!;
    const [record] = await now(moving, 1);
    let letGo!: () => void;
    first.hold = new Promise((resolve) => (letGo = resolve));
    const second = await read(await connect(broker), { group: 'g', from: 'earliest' });
    expect(first.told.at(-1)).toBe('revoking events/2 events/3');
    await clock.advance(1000);
    expect(second.told).toEqual([]);
    expect(await first.receiver.commit!([{ lane: moving, through: record!.position }])).toEqual([]);
    letGo();
    await clock.advance(0);
    expect(first.told.at(-1)).toBe('ended events/2 events/3');
    expect(second.told).toEqual(['granted events/2 events/3']);
    const kept = first.lanes.get('events/0')!;
    const [own] = await now(kept, 1);
    expect(
      await first.receiver.commit!([
        { lane: moving, through: '5' },
        { lane: kept, through: own!.position },
      ]),
    ).toEqual([{ index: 0, outcome: 'lost' }]);
    expect(await now(moving)).toEqual([]);
    expect((await now(second.lanes.get('events/3')))[0]!.position).toBe('1');
  });

  it('takes a lane after half a minute from who does not let go', async () => {
    const { broker, clock, link, declare } = await bench({ partitions: 2 });
    await declare(declared());
    const first = await read(link, { group: 'g', from: 'earliest' });
    first.hold = new Promise(() => {});
    const second = await read(await connect(broker), { group: 'g', from: 'earliest' });
    await clock.advance(29_999);
    expect(second.told).toEqual([]);
    await clock.advance(1);
    expect(second.told).toEqual(['granted events/1']);
    expect(first.told.at(-1)).toBe('ended events/1');
  });

  it('gives the lanes of a lost member to the others, from the last commit on', async () => {
    const { broker, clock, link, declare } = await bench({ partitions: 2 });
    await declare(declared());
    const other = await connect(broker);
    const first = await read(link, { group: 'g', from: 'earliest' });
    const second = await read(other, { group: 'g', from: 'earliest' });
    await clock.advance(0);
    await send(link, events, ...Array.from({ length: 20 }, (_, index) => keyed(`k${index}`, `${index}`)));
    const lost = second.lanes.get('events/1')!;
    const records = await now(lost);
    await second.receiver.commit!([{ lane: lost, through: records[0]!.position }]);
    await other.close();
    await clock.advance(0);
    expect(first.told.at(-1)).toBe('granted events/1');
    expect((await now(first.lanes.get('events/1')))[0]!.position).toBe('1');
    expect(await second.receiver.commit!([{ lane: lost, through: '9' }])).toEqual([{ index: 0, outcome: 'lost' }]);
  });

  it('leaves members without a lane when there are more of them, until one goes', async () => {
    const { clock, link, declare } = await bench();
    await declare(declared());
    const first = await read(link, { group: 'g', from: 'earliest' });
    const second = await read(link, { group: 'g', from: 'earliest' });
    await clock.advance(0);
    expect([first.lanes.size, second.lanes.size]).toEqual([1, 0]);
    await first.receiver.close();
    await clock.advance(0);
    expect(second.lanes.size).toBe(1);
  });

  it('settles for a balance when members come and go all at once', async () => {
    const { clock, link, declare } = await bench({ partitions: 6 });
    await declare(declared());
    const members = await Promise.all(Array.from({ length: 4 }, () => read(link, { group: 'g', from: 'earliest' })));
    await Promise.all([
      members[0]!.receiver.close(),
      read(link, { group: 'g', from: 'earliest' }).then((member) => members.push(member)),
    ]);
    await clock.advance(0);
    const sizes = members.slice(1).map(({ lanes }) => lanes.size);
    expect(sizes.toSorted((left, right) => left - right)).toEqual([1, 1, 2, 2]);
    expect(new Set(members.slice(1).flatMap(({ lanes }) => [...lanes.keys()])).size).toBe(6);
  });
});

describe('a transaction', () => {
  const results = { kind: 'queue', name: 'results', order: 'none' } as const;

  it('stores outputs and positions together', async () => {
    const { broker, link, declare } = await bench();
    await declare(declared(), queue('results'));
    await send(link, events, 'a', 'b');
    const { receiver, lanes } = await read(link, { group: 'g', from: 'earliest' });
    const lane = lanes.get('')!;
    const [a] = await now(lane, 1);
    const done = await receiver.transact!(
      [
        { target: results, message: message('A') },
        { target: events, message: message('more') },
      ],
      [{ lane, through: a!.position }],
    );
    expect(done).toEqual({ outcome: 'committed' });
    expect(texts(broker.messages('results'))).toEqual(['A']);
    expect(await link.admin!.depth({ ...events, group: 'g', from: 'latest' })).toEqual({ ready: 2 });
  });

  it('stores nothing when one output cannot be, or a lane has moved on', async () => {
    const { broker, link, declare } = await bench();
    await declare(declared(), queue('results'));
    await send(link, events, 'a');
    const { receiver, lanes } = await read(link, { group: 'g', from: 'earliest' });
    const lane = lanes.get('')!;
    const [a] = await now(lane, 1);
    const marks = [{ lane, through: a!.position }];
    const outputs = [
      { target: results, message: message('A') },
      { target: { ...results, name: 'nowhere' }, message: message('B') },
    ];
    expect(await receiver.transact!(outputs, marks)).toMatchObject({
      outcome: 'aborted',
      error: { code: 'not-found' },
    });
    await receiver.close();
    expect(await receiver.transact!(outputs.slice(0, 1), marks)).toMatchObject({ outcome: 'lost' });
    expect(broker.messages('results')).toEqual([]);
    expect(await link.admin!.depth({ ...events, group: 'g', from: 'latest' })).toEqual({ ready: 1 });
  });
});
