import type { ChannelCapabilities, Incoming, PositionReceiver, Receiver } from '@waybill/core/driver';
import { accept, release, type Taker, textOf } from '../bench.ts';
import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import { openChannel, probe, type Settleable, settleable } from './probe.ts';

const waitMs = 400;
type SettlingReceiver = Exclude<Receiver, PositionReceiver>;

/** What becomes of a delivery, as the broker itself does it. */
export const settlingProbes: readonly Case[] = settleable
  .flatMap((kind) => [
    probe(
      `${kind}.style`,
      ['message'],
      `${kind}: a delivery is ours until its link ends, and then comes again`,
      (context) => endsWithLink(context, kind),
    ),
    probe(
      `${kind}.style`,
      ['lease'],
      `${kind}: a lease that nobody extends ends, not early, and the message comes again; an extended one holds`,
      (context) => leases(context, kind),
      { timeoutMs: 90_000 },
    ),
    probe(
      `${kind}.style`,
      ['position'],
      `${kind}: a group goes on behind the last position that was committed, and nothing is settled by itself`,
      (context) => positions(context, kind),
    ),
    probe(
      `${kind}.release`,
      ['immediate', 'linear', 'delayed'],
      `${kind}: what is released comes again at once`,
      (context) => releasedAtOnce(context, kind),
    ),
    ...(kind === 'queue'
      ? [
          probe(
            'queue.release',
            ['linear'],
            'queue: the broker itself waits longer after each failed run, as declared',
            linearRelease,
          ),
        ]
      : []),
    probe(`${kind}.release`, ['delayed'], `${kind}: the broker itself keeps what is released for a time`, (context) =>
      delayedRelease(context, kind),
    ),
    probe(`${kind}.attempts`, ['deliveries'], `${kind}: every delivery counts, also one that nobody ran`, (context) =>
      attempts(context, kind, [1, 2, 3]),
    ),
    probe(`${kind}.attempts`, ['failures'], `${kind}: only failed runs count`, (context) =>
      attempts(context, kind, [1, 1, 2]),
    ),
    probe(
      `${kind}.attempts`,
      ['flag'],
      `${kind}: the broker says that a message was delivered before, and no more`,
      (context) => attempts(context, kind, [undefined, undefined, undefined]),
    ),
    probe(`${kind}.attempts`, ['none'], `${kind}: a message says nothing about earlier deliveries`, (context) =>
      attempts(context, kind, [undefined, undefined, undefined]),
    ),
    probe(`${kind}.deadLetter`, ['none'], `${kind}: what is rejected is gone`, (context) =>
      rejectedIsGone(context, kind),
    ),
  ])
  .concat([
    probe(
      'queue.deadLetter',
      ['plain', 'cause'],
      'queue: the broker itself puts what is rejected into the declared dead letters',
      (context) => deadLettered(context, false),
    ),
    probe('queue.deadLetter', ['cause'], 'queue: the broker itself keeps the reason with a dead letter', (context) =>
      deadLettered(context, true),
    ),
  ])
  .map(distinct);

/** Two probes may prove different things about one word. */
function distinct(one: Case, index: number, all: readonly Case[]): Case {
  const earlier = all.slice(0, index).filter(({ id }) => id === one.id).length;
  return earlier === 0 ? one : { ...one, id: `${one.id}-${earlier + 1}` };
}

async function endsWithLink(context: Context, kind: Settleable): Promise<void> {
  const first = await openChannel(context, kind);
  const taker = await first.open();
  await first.bench.send(first.target, first.bench.message('one'), first.bench.message('two'));
  const [one] = await taker.take(2);
  await taker.settle(one!, accept);
  await context.quiet();
  await first.bench.link.close();
  const second = await openChannel(context, kind);
  const again = await (await second.open()).take(1);
  context.expect.deepEqual(again.map(textOf), ['two'], 'what comes again when the link has ended');
}

async function leases(context: Context, kind: Settleable): Promise<void> {
  const { bench, target, open } = await openChannel(context, kind);
  const leaseMs = 1000;
  const holder = await open({ leaseMs });
  await bench.send(target, bench.message('left'), bench.message('kept'));
  const taken = await holder.take(2);
  const takenAt = performance.now();
  const { receiver } = holder;
  if (receiver.style !== 'lease') return context.expect.fail(`the receiver's style is ${receiver.style}`);
  context.expect.between(receiver.leaseMs, 1, 60_000, 'the granted lease');
  const kept = taken.find((message) => textOf(message) === 'kept') as Incoming & { readonly receipt: unknown };
  const other = await open({ leaseMs });
  const timer = setInterval(() => void receiver.extend([kept.receipt]), receiver.leaseMs / 4);
  const withinMs = receiver.leaseMs + context.timing.slackMs + context.timing.positiveMs;
  const [back] = await other.take(1, withinMs).finally(() => clearInterval(timer));
  const afterMs = performance.now() - takenAt;
  context.expect.equal(textOf(back!), 'left', 'the message whose lease nobody extended');
  context.expect.between(
    afterMs,
    receiver.leaseMs - 50,
    receiver.leaseMs + context.timing.slackMs,
    'milliseconds until it came again',
  );
  const left = taken.find((message) => textOf(message) === 'left')!;
  await lateAccept(context, {
    holder: receiver,
    left: left as Incoming & { readonly receipt: unknown },
    other,
    back: back!,
  });
}

interface Late {
  readonly holder: SettlingReceiver;
  /** Its lease with the holder has ended, and another one has it now, as `back`. */
  readonly left: Incoming & { readonly receipt: unknown };
  readonly other: Taker;
  readonly back: Incoming;
}

/** Whether a late settlement still counts is the broker's; that it says so is the driver's. */
async function lateAccept(context: Context, { holder, left, other, back }: Late): Promise<void> {
  const unsettled = await holder.settle([{ receipt: left.receipt, outcome: 'accept' }]);
  const isLost = unsettled.some(({ outcome }) => outcome === 'lost');
  context.evidence('an accept after the end of the lease', isLost ? 'lost' : 'done');
  await (other.receiver as SettlingReceiver).settle([{ receipt: (back as typeof left).receipt, ...release(0, false) }]);
  const again = await other.takeWithin(4 * context.timing.quietMs);
  context.expect.deepEqual(
    again.map(textOf).filter((text) => text === 'left'),
    isLost ? ['left'] : [],
    `what comes again after an accept that was said to be ${isLost ? 'lost' : 'done'}`,
  );
}

/** One key, so that all stand in one lane. */
async function positions(context: Context, kind: Settleable): Promise<void> {
  const { bench, target, open } = await openChannel(context, kind);
  const first = await open();
  context.expect.equal(first.receiver.style, 'position', 'the style of the receiver');
  context.expect.ok(!('settle' in first.receiver), 'it settles nothing by itself');
  await bench.send(target, ...['1', '2', '3', '4'].map((text) => bench.message(text, { key: 'key' })));
  const taken = await first.take(4);
  context.expect.deepEqual(taken.map(textOf), ['1', '2', '3', '4'], 'what the first receiver pulls');
  await first.settle(taken[1]!, accept);
  await first.close();
  const again = await (await open()).take(2);
  context.expect.deepEqual(again.map(textOf), ['3', '4'], 'where the next one begins');
}

async function releasedAtOnce(context: Context, kind: Settleable): Promise<void> {
  const { bench, target, open } = await openChannel(context, kind);
  const taker = await open();
  await bench.send(target, bench.message('one'));
  const [one] = await taker.take(1);
  await taker.settle(one!, release(0, false));
  const [again] = await taker.take(1);
  context.expect.deepEqual([textOf(again!), again!.id], ['one', 'one'], 'the released message');
  await taker.settle(again!, accept);
}

async function delayedRelease(context: Context, kind: Settleable): Promise<void> {
  const { bench, target, open } = await openChannel(context, kind);
  const taker = await open();
  await bench.send(target, bench.message('one'));
  const [one] = await taker.take(1);
  await taker.settle(one!, release(waitMs, true));
  await cameAfter(context, waitMs, () => taker.take(1));
}

async function linearRelease(context: Context): Promise<void> {
  const { bench, target, open } = await openChannel(context, 'queue', {
    retry: { firstMs: waitMs, maxMs: 10 * waitMs },
  });
  const taker = await open();
  await bench.send(target, bench.message('one'));
  let [one] = await taker.take(1);
  for (const run of [1, 2]) {
    await taker.settle(one!, release(run * waitMs, true));
    [one] = await cameAfter(context, run * waitMs, () => taker.take(1));
  }
}

async function cameAfter(context: Context, ms: number, work: () => Promise<Incoming[]>): Promise<Incoming[]> {
  const startedAt = performance.now();
  const found = await work();
  context.expect.between(
    performance.now() - startedAt,
    ms - 30,
    ms + context.timing.slackMs,
    'milliseconds until it came again',
  );
  return found;
}

/** A first delivery, one after nobody ran it, and one after a failed run. */
async function attempts(context: Context, kind: Settleable, expected: readonly (number | undefined)[]): Promise<void> {
  const { bench, target, open } = await openChannel(context, kind);
  let taker = await open();
  const takesBack = (context.capabilities[kind] as ChannelCapabilities).release !== 'none';
  await bench.send(target, bench.message('one'));
  const seen: Incoming[] = [];
  for (const failed of [false, true]) {
    const [one] = await taker.take(1);
    seen.push(one!);
    if (takesBack) await taker.settle(one!, release(0, failed));
    else {
      await taker.close();
      taker = await open();
    }
  }
  seen.push(...(await taker.take(1)));
  context.expect.deepEqual(
    seen.map(({ attempt }) => attempt),
    expected,
    'the attempts',
  );
  const knowsReturns = context.capabilities[kind] !== 'none' && context.capabilities[kind].attempts === 'flag';
  if (knowsReturns)
    context.expect.deepEqual(
      seen.map(({ redelivered }) => redelivered),
      [false, true, true],
      'the flags',
    );
}

async function rejectedIsGone(context: Context, kind: Settleable): Promise<void> {
  const { bench, target, open } = await openChannel(context, kind);
  const taker = await open();
  await bench.send(target, bench.message('bad'), bench.message('good'));
  for (const message of await taker.take(2)) {
    await taker.settle(message, textOf(message) === 'bad' ? { outcome: 'reject', reason: 'bad' } : accept);
  }
  context.expect.deepEqual(
    (await taker.takeWithin(context.timing.quietMs)).map(textOf),
    [],
    'what comes after a rejection',
  );
}

async function deadLettered(context: Context, withReason: boolean): Promise<void> {
  const deadLetter = context.name('dead');
  const { bench, target, open } = await openChannel(context, 'queue', { deadLetter });
  const taker = await open();
  await bench.send(target, bench.message('bad', { headers: { color: 'blue' } }));
  const [bad] = await taker.take(1);
  await taker.settle(bad!, { outcome: 'reject', reason: 'no such address' });
  const [letter] = await (await bench.open({ kind: 'queue', name: deadLetter, order: 'none' })).take(1);
  context.expect.deepEqual(
    [textOf(letter!), letter!.id, letter!.headers['color']],
    ['bad', 'bad', 'blue'],
    'the dead letter',
  );
  if (withReason) context.expect.equal(letter!.headers['waybill-dead-reason'], 'no such address', 'its reason');
}
