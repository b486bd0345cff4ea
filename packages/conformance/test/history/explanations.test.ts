import { describe, expect, it } from 'vitest';
import { EXPLANATIONS, check, type Claim, type Explanation, type Recordable } from '../../src/history/index.ts';
import { story, type Story } from './story.ts';

interface Case {
  readonly explanation: Explanation;
  readonly claim?: Partial<Claim>;
  /** Delivered twice, rightly. */
  readonly told: (s: Story) => Story;
  /** The same without the reason. */
  readonly untold: (s: Story) => Story;
}

const other = [{}, 'other'] as const;
const down = { type: 'connection.down' } as const;

function fault(s: Story, more: Partial<Extract<Recordable, { type: 'fault.begin' }>> = {}): Story {
  return s
    .event('parent', { type: 'fault.begin', fault: 'f', kind: 'black hole', scope: 'network', ...more })
    .event('parent', { type: 'fault.confirmed', fault: 'f', evidence: '812 bytes dropped' });
}

function healed(s: Story): Story {
  return s.event('parent', { type: 'fault.healed', fault: 'f' });
}

const CASES: readonly Case[] = [
  {
    explanation: 'handler-error',
    told: (s) =>
      s
        .deliver('a')
        .handled('a', 'error')
        .consume('a', ...other),
    untold: (s) =>
      s
        .deliver('a')
        .handled('a', 'ok')
        .consume('a', ...other),
  },
  {
    explanation: 'handler-error',
    claim: { retry: 'copy' },
    told: (s) =>
      s
        .deliver('a')
        .handled('a', 'error')
        .settle('a', 'accept')
        .consume('a', ...other),
    untold: (s) => s.consume('a').consume('a', ...other),
  },
  {
    explanation: 'release',
    told: (s) =>
      s
        .deliver('a')
        .settle('a', 'release')
        .consume('a', ...other),
    untold: (s) => s.deliver('a').consume('a', ...other),
  },
  {
    explanation: 'consumer-death',
    told: (s) =>
      s
        .deliver('a')
        .consume('a', ...other)
        .event('parent', { type: 'process.exit', exited: 'consumer', signal: 'SIGKILL' }),
    untold: (s) =>
      s
        .deliver('a')
        .consume('a', ...other)
        .event('parent', { type: 'process.exit', exited: 'bystander', signal: 'SIGKILL' }),
  },
  {
    explanation: 'late-start',
    // The consumer stalls with a delivery in its socket; another has the message meanwhile; then it starts, and notices.
    told: (s) =>
      fault(s, { target: 'consumer' })
        .consume('a', { redelivered: true }, 'other')
        .deliver('a', { redelivered: false }, 'consumer')
        .event('parent', { type: 'fault.healed', fault: 'f' })
        .event('consumer', down)
        .handled('a'),
    untold: (s) =>
      fault(s, { target: 'consumer' })
        .consume('a', { redelivered: true }, 'other')
        .event('parent', { type: 'fault.healed', fault: 'f' })
        .wait(5_000)
        .consume('a', { redelivered: false }, 'consumer'),
  },
  {
    explanation: 'late-start',
    // The same with a message that was handed out before: the broker counts, and the late one has the lower number.
    told: (s) =>
      fault(s, { target: 'consumer' })
        .consume('a', { redelivered: true, attempt: 4 }, 'other')
        .deliver('a', { redelivered: true, attempt: 3 }, 'consumer')
        .event('parent', { type: 'fault.healed', fault: 'f' })
        .handled('a'),
    untold: (s) =>
      fault(s, { target: 'consumer' })
        .consume('a', { redelivered: true, attempt: 4 }, 'other')
        .deliver('a', { redelivered: true, attempt: 5 }, 'consumer')
        .event('parent', { type: 'fault.healed', fault: 'f' })
        .handled('a'),
  },
  {
    explanation: 'late-start',
    claim: { retry: 'held', onRedelivery: 'rewind', acceptance: 'sent' },
    // It runs it again in place, after another whose handler failed as well: that failure is not why it started.
    told: (s) =>
      fault(s.deliver('a', {}, 'consumer').handled('a', 'error'), { target: 'consumer' })
        .deliver('a', {}, 'other')
        .handled('a', 'error')
        .deliver('a', {}, 'consumer')
        .event('parent', { type: 'fault.healed', fault: 'f' })
        .handled('a'),
    untold: (s) =>
      fault(s.deliver('a', {}, 'consumer').handled('a', 'error'), { target: 'bystander' })
        .consume('a', {}, 'other')
        .deliver('a', {}, 'consumer')
        .event('parent', { type: 'fault.healed', fault: 'f' })
        .handled('a'),
  },
  {
    explanation: 'late-start',
    claim: { onRedelivery: 'rewind', acceptance: 'sent' },
    // Of a partition that it holds no more, and nobody counts: it stood still with the message in its buffer.
    told: (s) =>
      fault(s, { target: 'consumer' })
        .consume('a', {}, 'other')
        .deliver('a', {}, 'consumer')
        .event('parent', { type: 'fault.healed', fault: 'f' })
        .handled('a'),
    untold: (s) =>
      fault(s, { target: 'bystander' })
        .consume('a', {}, 'other')
        .deliver('a', {}, 'consumer')
        .event('parent', { type: 'fault.healed', fault: 'f' })
        .handled('a'),
  },
  {
    explanation: 'late-start',
    claim: { retry: 'held' },
    // It keeps a failed message to run it again, stands still, loses it, and runs it all the same.
    told: (s) =>
      fault(s.deliver('a', {}, 'consumer').handled('a', 'error'), { target: 'consumer' })
        .consume('a', ...other)
        .deliver('a', {}, 'consumer')
        .event('parent', { type: 'fault.healed', fault: 'f' })
        .handled('a'),
    untold: (s) =>
      s
        .deliver('a', {}, 'consumer')
        .handled('a', 'error')
        .consume('a', ...other)
        .wait(5_000)
        .consume('a', {}, 'consumer'),
  },
  {
    explanation: 'consumer-close',
    told: (s) =>
      s
        .deliver('a', { consumer: '1' })
        .event('consumer', { type: 'subscribe.end', subscription: 'orders', consumer: '1' })
        .consume('a', { consumer: '2' }),
    untold: (s) =>
      s
        .deliver('a', { consumer: '1' })
        .event('consumer', { type: 'subscribe.end', subscription: 'orders', consumer: '2' })
        .consume('a', { consumer: '2' }),
  },
  {
    explanation: 'connection-down',
    told: (s) =>
      s
        .deliver('a', { consumer: '1' })
        .event('consumer', { ...down, consumer: '1' })
        .consume('a', { consumer: '2' }),
    untold: (s) =>
      s
        .deliver('a', { consumer: '1' })
        .event('consumer', { ...down, consumer: '2' })
        .consume('a', { consumer: '2' }),
  },
  {
    explanation: 'connection-down',
    // Settlements are not recorded: an accept is lost with a connection that is lost soon after the handler.
    told: (s) =>
      s
        .deliver('a')
        .handled('a')
        .wait(900)
        .event('consumer', down)
        .wait(20_000)
        .deliver('a', ...other)
        .handled('a'),
    untold: (s) =>
      s
        .deliver('a')
        .handled('a')
        .wait(1_500)
        .event('consumer', down)
        .wait(20_000)
        .deliver('a', ...other)
        .handled('a'),
  },
  {
    explanation: 'consumer-death',
    // Idle is not dead: it held the delivery until it exited.
    told: (s) =>
      s
        .deliver('a')
        .wait(20_000)
        .consume('a', ...other)
        .event('parent', { type: 'process.exit', exited: 'consumer' }),
    untold: (s) =>
      s
        .deliver('a')
        .consume('a', ...other)
        .wait(20_000)
        .event('parent', { type: 'process.exit', exited: 'consumer' }),
  },
  {
    explanation: 'connection-down',
    // The broker noticed 200 ms before the client did.
    told: (s) =>
      s
        .deliver('a')
        .deliver('a', ...other)
        .wait(180)
        .event('consumer', down)
        .handled('a'),
    untold: (s) =>
      s
        .deliver('a')
        .deliver('a', ...other)
        .wait(400)
        .event('consumer', down)
        .handled('a'),
  },
  {
    explanation: 'fault',
    told: (s) => healed(fault(s.deliver('a')).consume('a', ...other)),
    untold: (s) => healed(fault(s.deliver('a'), { disconnects: false }).consume('a', ...other)),
  },
  {
    explanation: 'fault',
    told: (s) => healed(fault(s.deliver('a'), { scope: 'process', target: 'consumer' }).consume('a', ...other)),
    untold: (s) => healed(fault(s.deliver('a'), { scope: 'process', target: 'bystander' }).consume('a', ...other)),
  },
  {
    explanation: 'lost-settle',
    told: (s) =>
      s
        .deliver('a')
        .handled('a')
        .settle('a', 'accept', 'failed')
        .consume('a', ...other),
    untold: (s) =>
      s
        .deliver('a')
        .handled('a')
        .settle('a', 'accept', 'ok')
        .consume('a', ...other),
  },
  {
    explanation: 'unknown-settle',
    told: (s) =>
      s
        .deliver('a')
        .handled('a')
        .settle('a', 'accept', 'open')
        .consume('a', ...other),
    untold: (s) =>
      s
        .deliver('a')
        .handled('a')
        .consume('a', ...other),
  },
  {
    explanation: 'acceptance-undone',
    claim: { acceptance: 'sent' },
    told: (s) =>
      s
        .consume('a')
        .wait(900)
        .event('consumer', down)
        .consume('a', ...other),
    untold: (s) =>
      s
        .consume('a')
        .wait(1_100)
        .event('consumer', down)
        .consume('a', ...other),
  },
  {
    explanation: 'acceptance-undone',
    claim: { acceptance: 'confirmed' },
    told: (s) => healed(fault(s.consume('a'), { scope: 'broker' })).consume('a', ...other),
    untold: (s) => healed(fault(s.consume('a'), { scope: 'network' })).consume('a', ...other),
  },
  {
    explanation: 'lease-end',
    told: (s) =>
      s
        .deliver('a', { leaseMs: 1_000 })
        .wait(1_000)
        .consume('a', ...other),
    untold: (s) =>
      s
        .deliver('a', { leaseMs: 1_000 })
        .wait(900)
        .consume('a', ...other),
  },
  {
    explanation: 'rebalance',
    told: (s) =>
      s
        .deliver('a', { lane: '0' })
        .event('consumer', { type: 'revoke', subscription: 'orders', lane: '0' })
        .consume('a', ...other),
    untold: (s) =>
      s
        .deliver('a', { lane: '0' })
        .event('consumer', { type: 'revoke', subscription: 'orders', lane: '1' })
        .consume('a', ...other),
  },
  {
    explanation: 'unknown-publish',
    told: (s) =>
      s
        .invoke('b')
        .event('producer', { type: 'publish.unknown', message: 'b' })
        .publish('b')
        .consume('b')
        .consume('b')
        .consume('a'),
    untold: (s) =>
      s.invoke('b').event('producer', { type: 'publish.unknown', message: 'b' }).consume('b').consume('b').consume('a'),
  },
  {
    explanation: 'unknown-publish',
    claim: { resend: true },
    told: (s) =>
      s.invoke('b').event('producer', { type: 'publish.unknown', message: 'b' }).consume('b').consume('b').consume('a'),
    untold: (s) => s.publish('b').consume('b').consume('b').consume('a'),
  },
  {
    explanation: 'repeated-publish',
    told: (s) =>
      s
        .invoke('b')
        .event('producer', { type: 'publish.ok', message: 'b', sends: 2 })
        .consume('b')
        .consume('b')
        .consume('a'),
    untold: (s) =>
      s
        .invoke('b')
        .event('producer', { type: 'publish.ok', message: 'b', sends: 1 })
        .consume('b')
        .consume('b')
        .consume('a'),
  },
];

function judge({ claim }: Case, tell: (s: Story) => Story) {
  const begun = story().ready().publish('a');
  return check(tell(begun).drained().history(), { delivery: 'at-least-once', order: 'none', ...claim });
}

describe.each(CASES)('a second delivery after $explanation', (each) => {
  it('is explained', () => {
    expect(judge(each, each.told)).toMatchObject({
      outcome: 'valid',
      anomalies: [],
      doubts: [],
      counts: { explained: { [each.explanation]: 1 } },
    });
  });

  it('is not without it', () => {
    expect(judge(each, each.untold)).toMatchObject({ outcome: 'invalid', counts: { explained: {} } });
  });
});

describe('explanations', () => {
  it('are each tested', () => {
    expect([...new Set(CASES.map(({ explanation }) => explanation))].toSorted()).toEqual(
      Object.keys(EXPLANATIONS).toSorted(),
    );
  });

  it('are used once each: one failure does not explain two more deliveries', () => {
    const told = story()
      .ready()
      .publish('a')
      .deliver('a')
      .handled('a', 'error')
      .consume('a')
      .wait(5_000)
      .consume('a')
      .drained();
    const verdict = check(told.history(), { delivery: 'at-least-once', order: 'none' });
    expect(verdict.counts).toMatchObject({ explained: { 'handler-error': 1 }, anomalies: { resurrected: 1 } });
  });

  it('allow two copies of a retry that a lost connection cut in half, and not three', () => {
    const cut = (s: Story) =>
      s
        .ready()
        .publish('a')
        .deliver('a')
        .handled('a', 'error')
        .event('consumer', down)
        .consume('a', ...other);
    const claim: Claim = { delivery: 'at-least-once', order: 'none', retry: 'copy' };
    expect(
      check(
        cut(story())
          .wait(5_000)
          .consume('a', ...other)
          .drained()
          .history(),
        claim,
      ).outcome,
    ).toBe('valid');
    expect(
      check(
        cut(story())
          .consume('a', ...other)
          .wait(5_000)
          .consume('a', ...other)
          .drained()
          .history(),
        claim,
      ).counts.anomalies,
    ).toEqual({ resurrected: 1 });
    expect(
      check(
        cut(story())
          .wait(5_000)
          .consume('a', ...other)
          .drained()
          .history(),
        { ...claim, retry: 'release' },
      ).counts.anomalies,
    ).toEqual({ resurrected: 1 });
  });

  it('are not asked for where the claim deduplicates', () => {
    const told = story()
      .ready()
      .publish('a')
      .publish('a')
      .consume('a', { attempt: 1 })
      .consume('a', { attempt: 1 })
      .drained();
    expect(check(told.history(), { delivery: 'at-least-once', order: 'none' }).outcome).toBe('valid');
    expect(check(told.history(), { delivery: 'at-least-once', order: 'none', dedup: true }).counts.anomalies).toEqual({
      duplicated: 1,
    });
  });
});
