import { describe, expect, it } from 'vitest';
import {
  check,
  historyOf,
  type AnomalyClass,
  type Claim,
  type History,
  type HistoryEvent,
  type Recordable,
} from '../../src/history/index.ts';
import { story, type Story } from './story.ts';

/** Where a rule ends: both sides of it. */
function found(told: Story | History, claim: Partial<Claim> = {}): Partial<Record<AnomalyClass, number>> {
  const history = 'history' in told ? told.history() : told;
  return check(history, { delivery: 'at-least-once', order: 'none', ...claim }).counts.anomalies;
}

const k = { key: 'k' };
const other = [{}, 'other'] as const;
const down = { type: 'connection.down' } as const;
const ok = (message: string) => ({ type: 'publish.ok', message }) as const;
const begun = () => story().ready().publish('a');

describe('a redelivery', () => {
  it('is not explained by the close of another subscription', () => {
    const closed = (subscription: string) =>
      begun()
        .deliver('a')
        .event('consumer', { type: 'subscribe.end', subscription })
        .consume('a', ...other)
        .drained();
    expect(found(closed('orders'))).toEqual({});
    expect(found(closed('audit'))).toEqual({ 'concurrent-delivery': 1 });
  });

  it('is not explained by a release that comes after it', () => {
    const late = begun()
      .deliver('a')
      .deliver('a', ...other)
      .event('consumer', { type: 'settle.invoke', delivery: 1, settlement: 'release' })
      .handled('a')
      .drained();
    expect(found(late)).toEqual({ 'concurrent-delivery': 1 });
  });

  it('is explained by a lost connection though the settlement is reported later', () => {
    const accept = (type: 'settle.invoke' | 'settle.ok') => ({ type, delivery: 1, settlement: 'accept' }) as const;
    const told = begun()
      .deliver('a')
      .handled('a')
      .event('consumer', accept('settle.invoke'))
      .event('consumer', down)
      .consume('a', ...other)
      .event('consumer', accept('settle.ok'))
      .drained();
    expect(found(told)).toEqual({});
  });

  it('after an accept that is claimed to be durable is resurrected even by a broker that died', () => {
    const told = begun()
      .consume('a')
      .event('parent', { type: 'fault.begin', fault: 'f', kind: 'kill -9', scope: 'broker' })
      .event('parent', { type: 'fault.healed', fault: 'f' })
      .consume('a', ...other)
      .drained();
    expect(found(told, { acceptance: 'confirmed' })).toEqual({});
    expect(found(told, { acceptance: 'durable' })).toEqual({ resurrected: 1 });
  });

  it('after the lease had run out, accepted too late, is no resurrection', () => {
    const late = (leaseMs: number) =>
      begun()
        .deliver('a', { leaseMs })
        .wait(100)
        .handled('a')
        .settle('a', 'accept')
        .consume('a', ...other)
        .drained();
    expect(found(late(50))).toEqual({});
    expect(found(late(500))).toEqual({ resurrected: 1 });
  });
});

describe('a loss', () => {
  it('is not proved by a drain before the message', () => {
    expect(found(begun().consume('a').drained().publish('b'))).toEqual({ unseen: 1 });
  });

  it('is judged from the first time that a subscription was ready', () => {
    const now = { starts: 'now' } as const;
    const told = story()
      .ready('orders', 'consumer', now)
      .publish('a')
      .ready('orders', 'other', now)
      .publish('b')
      .consume('b')
      .drained();
    expect(found(told)).toEqual({ lost: 1 });
  });

  it('of the last message of a key is not proved by those before it', () => {
    const told = story().ready().publish('a', k).publish('b', k).consume('a').drained(null);
    expect(found(told, { order: 'key' })).toEqual({ unseen: 1 });
  });

  it('is told apart by what else was seen of the producer', () => {
    const told = story().ready().publish('a').publish('b').publish('c').consume('b').drained();
    const { anomalies } = check(told.history(), { delivery: 'at-least-once', order: 'none' });
    expect(anomalies.map(({ detail }) => detail.split('; ')[1])).toEqual([
      'only later ones of its producer seen',
      'only earlier ones of its producer seen',
    ]);
    const nothing = check(story().ready().publish('a').drained().history(), {
      delivery: 'at-least-once',
      order: 'none',
    });
    expect(nothing.anomalies[0]?.detail).toContain('nothing of its producer seen');
  });

  it('is none where the claim discards what was rejected or failed too often', () => {
    const rejected = begun().deliver('a').handled('a', 'error').settle('a', 'reject').drained();
    expect(found(rejected, { deadLetter: 'discarded' })).toEqual({});
    expect(found(rejected, { deadLetter: 'none' })).toEqual({ lost: 1 });
    const failed = begun().fail('a').deliver('a').handled('a', 'error').drained();
    expect(found(failed, { deadLetter: 'discarded', maxAttempts: 2 })).toEqual({});
    expect(found(failed, { deadLetter: 'discarded', maxAttempts: 3 })).toEqual({ lost: 1 });
  });

  it('is allowed where at-most-once may drop', () => {
    const told = begun().publish('b').consume('a').drained();
    expect(found(told, { delivery: 'at-most-once', mayDrop: true })).toEqual({});
    expect(found(told, { delivery: 'at-most-once' })).toEqual({ lost: 1 });
  });
});

describe('an accept', () => {
  /** The first holder lost the message, and accepts it all the same. */
  const stale = (before: boolean): Story => {
    const s = begun()
      .deliver('a')
      .event('consumer', down)
      .deliver('a', ...other);
    const accept = (t: Story) => t.event('consumer', { type: 'settle.ok', delivery: 1, settlement: 'accept' });
    return (before ? accept(s).handled('a') : accept(s.handled('a'))).drained();
  };

  it('without a handler counts where another process had handled the message before', () => {
    expect(found(stale(false))).toEqual({});
    expect(found(stale(true))).toEqual({ 'acked-unhandled': 1 });
  });
});

describe('an accept of a failed delivery', () => {
  const accepted = () =>
    begun()
      .deliver('a')
      .handled('a', 'error')
      .settle('a', 'accept')
      .wait(5_000)
      .consume('a', ...other)
      .drained();

  it('is right where the retry is a copy, once the handler has ended', () => {
    expect(found(accepted(), { retry: 'copy' })).toEqual({});
    const early = begun()
      .deliver('a')
      .settle('a', 'accept')
      .handled('a', 'error')
      .consume('a', ...other)
      .drained();
    expect(found(early, { retry: 'copy' })).toEqual({ 'acked-unhandled': 1 });
  });

  it('is wrong where the retry is a release', () => {
    expect(found(accepted(), { retry: 'release' })).toEqual({ 'acked-unhandled': 1, resurrected: 1 });
  });
});

describe('a lane', () => {
  const inLane = (position: string) => ({ lane: '0', position });
  const commit = (through: string, outcome: 'ok' | 'lost' = 'ok'): Recordable => ({
    type: 'commit',
    subscription: 'orders',
    lane: '0',
    through,
    outcome,
  });
  const move = (type: 'assign' | 'revoke'): Recordable => ({ type, subscription: 'orders', lane: '0' });

  it('starts anew when it is assigned again', () => {
    const told = begun()
      .deliver('a', inLane('1'))
      .event('consumer', move('revoke'))
      .event('consumer', move('assign'))
      .deliver('a', inLane('1'))
      .handled('a')
      .event('consumer', commit('1'))
      .wait(5_000)
      .deliver('a', inLane('1'))
      .handled('a')
      .drained();
    expect(found(told)).toEqual({ resurrected: 1 });
  });

  it('comes again after a commit that was lost', () => {
    const told = (outcome: 'ok' | 'lost') =>
      begun()
        .deliver('a', inLane('1'))
        .handled('a')
        .event('consumer', commit('1', outcome))
        .event('consumer', move('revoke'))
        .deliver('a', inLane('1'), 'other')
        .handled('a')
        .drained();
    expect(found(told('lost'))).toEqual({});
    expect(found(told('ok'))).toEqual({ resurrected: 1 });
  });

  it('remembers what was committed first', () => {
    const told = begun()
      .publish('b')
      .deliver('a', inLane('1'))
      .event('consumer', commit('1'))
      .handled('a')
      .deliver('b', inLane('2'))
      .handled('b')
      .event('consumer', commit('2'))
      .drained();
    expect(found(told)).toEqual({ 'acked-unhandled': 1 });
  });
});

describe('the order', () => {
  it('is that of the calls where the claim says so', () => {
    const told = story()
      .ready()
      .invoke('a', k)
      .invoke('b', k)
      .event('producer', ok('a'))
      .event('producer', ok('b'))
      .consume('b')
      .consume('a')
      .drained();
    expect(found(told, { order: 'key', sendOrder: 'awaited' })).toEqual({});
    expect(found(told, { order: 'key', sendOrder: 'called' })).toEqual({ reordered: 1 });
    const right = story()
      .ready()
      .invoke('a', k)
      .invoke('b', k)
      .event('producer', ok('b'))
      .event('producer', ok('a'))
      .consume('a')
      .consume('b')
      .drained();
    expect(found(right, { order: 'key', sendOrder: 'called' })).toEqual({});
  });

  it('may be skipped by a message that somebody had before, and by no other', () => {
    const told = (redelivered: boolean) =>
      story()
        .ready()
        .publish('a', k)
        .publish('b', k)
        .consume('b')
        .event('other', { type: 'subscribe.ready', subscription: 'orders', destination: 'orders' })
        .consume('a', { redelivered })
        .drained();
    expect(found(told(false), { order: 'key', onRedelivery: 'skip' })).toEqual({ reordered: 1 });
    expect(found(told(true), { order: 'key', onRedelivery: 'skip' })).toEqual({ 'wrong-count': 1 });
    const died = story()
      .ready()
      .publish('a', k)
      .event('other', down)
      .publish('b', k)
      .consume('b')
      .consume('a')
      .drained();
    expect(found(died, { order: 'key', onRedelivery: 'skip' })).toEqual({});
    expect(found(died, { order: 'key', onRedelivery: 'block' })).toEqual({ reordered: 1 });
  });

  it('is not rewound by the second copy of a message that was published twice', () => {
    const s = story()
      .ready()
      .invoke('a', k)
      .event('producer', { type: 'publish.unknown', message: 'a' })
      .publish('a', k)
      .publish('b', k)
      .publish('c', k);
    expect(
      found(s.consume('a').consume('b').consume('a').consume('c').drained(), { order: 'key', onRedelivery: 'rewind' }),
    ).toEqual({});
  });

  it('of one process is the order of its file, where the times are equal', () => {
    const events = story().ready().publish('a', k).publish('b', k).consume('b').consume('a').drained().history();
    const flat = [...events].map((event): HistoryEvent =>
      event.process === 'consumer' ? { ...event, at: 50 } : event,
    );
    expect(found(historyOf(flat), { order: 'key' })).toEqual({ reordered: 1 });
  });

  it('of two subscriptions is compared beyond the error of their clocks only', () => {
    const sides = () =>
      story()
        .ready()
        .ready('audit')
        .invoke('a')
        .invoke('b', {}, 'rival')
        .event('producer', ok('a'))
        .event('rival', ok('b'));
    const audit = { subscription: 'audit' };
    const told = sides()
      .consume('a', {}, 'one')
      .consume('b', {}, 'two')
      .consume('b', audit, 'one')
      .consume('a', audit, 'two')
      .drained()
      .history();
    expect(found(told, { order: 'total' })).toEqual({ reordered: 1 });
    const vague = (history: History) =>
      historyOf([...history].map((event) => (event.type === 'header' ? { ...event, uncertaintyMs: 50 } : event)));
    expect(found(vague(told), { order: 'total' })).toEqual({});
    const half = sides()
      .consume('a', {}, 'one')
      .consume('b', {}, 'one')
      .consume('b', audit, 'one')
      .consume('a', audit, 'two')
      .drained()
      .history();
    expect(found(half, { order: 'total' })).toEqual({ reordered: 1 });
    expect(found(vague(half), { order: 'total' })).toEqual({});
  });

  it('is watched behind a handler that lost its message and never ends', () => {
    const s = story()
      .ready()
      .publish('a', k)
      .publish('b', k)
      .publish('c', k)
      .deliver('a')
      .event('consumer', down)
      .consume('a', ...other);
    expect(
      found(
        s
          .deliver('b', ...other)
          .deliver('c', {}, 'third')
          .handled('b')
          .handled('c')
          .event('consumer', { type: 'handled', delivery: 1, outcome: 'ok' })
          .drained(),
        { order: 'key' },
      ),
    ).toEqual({ overlap: 1 });
  });
});

describe('a count', () => {
  it('does not include a failure that the broker never heard of', () => {
    const told = begun()
      .deliver('a', { attempt: 1 })
      .handled('a', 'error')
      .settle('a', 'release', 'failed')
      .consume('a', { attempt: 1 })
      .drained();
    expect(found(told)).toEqual({});
  });

  it('in a dead letter is what happened', () => {
    const told = (attempts: number) =>
      begun()
        .fail('a')
        .deliver('a')
        .handled('a', 'error')
        .settle('a', 'reject')
        .event('parent', { type: 'dead-letter.read', message: 'a', subscription: 'orders', attempts })
        .drained();
    expect(found(told(2), { deadLetter: 'read' })).toEqual({});
    expect(found(told(3), { deadLetter: 'read' })).toEqual({ 'wrong-count': 1 });
    expect(found(told(1), { deadLetter: 'read' })).toEqual({ 'wrong-count': 1 });
  });

  it('of a released message says that it comes again', () => {
    expect(found(begun().fail('a').consume('a', { redelivered: true }).drained())).toEqual({});
    expect(found(begun().fail('a').consume('a', { redelivered: false }).drained())).toEqual({ 'wrong-count': 1 });
  });
});

describe('contents', () => {
  const published = () => story().ready().publish('a', { key: '1', body: '2', headers: '3' });

  it.each([{ key: '9' }, { body: '9' }, { headers: '9' }])('that differ in %o are corrupted', (changed) => {
    expect(found(published().consume('a', { key: '1', body: '2', headers: '3' }).drained())).toEqual({});
    expect(
      found(
        published()
          .consume('a', { key: '1', body: '2', headers: '3', ...changed })
          .drained(),
      ),
    ).toEqual({ corrupted: 1 });
  });

  it('of a dead letter are those that were published', () => {
    const told = (body: string) =>
      published()
        .deliver('a')
        .handled('a', 'error')
        .settle('a', 'reject')
        .event('parent', { type: 'dead-letter.read', message: 'a', subscription: 'orders', body })
        .drained();
    expect(found(told('2'), { deadLetter: 'read' })).toEqual({});
    expect(found(told('9'), { deadLetter: 'read' })).toEqual({ corrupted: 1 });
  });

  it('of a dead letter that nobody published are a phantom', () => {
    const told = begun()
      .consume('a')
      .event('parent', { type: 'dead-letter.read', message: 'ghost', subscription: 'orders' })
      .drained();
    expect(found(told, { deadLetter: 'read' })).toEqual({ phantom: 1 });
  });
});

describe('an expiry', () => {
  const told = (confirmMs: number, waitMs: number) =>
    story()
      .ready()
      .invoke('a', { expiresAfterMs: 1_000 })
      .wait(confirmMs)
      .event('producer', ok('a'))
      .wait(waitMs)
      .consume('a')
      .drained();

  it('may be late by the slack', () => {
    expect(found(told(0, 1_150))).toEqual({});
    expect(found(told(0, 1_300))).toEqual({ 'double-fate': 1 });
  });

  it('counts from the confirm at the latest', () => {
    expect(found(told(500, 1_150))).toEqual({});
    expect(found(told(500, 1_300))).toEqual({ 'double-fate': 1 });
  });
});

describe('progress', () => {
  const bound = { progressWithinMs: 5_000 };
  const fault = (s: Story, ms: number) =>
    s
      .event('parent', { type: 'fault.begin', fault: 'f', kind: 'pause', scope: 'broker' })
      .event('parent', { type: 'fault.confirmed', fault: 'f', evidence: 'no reply' })
      .wait(ms)
      .event('parent', { type: 'fault.healed', fault: 'f' });

  it('is owed before a fault too', () => {
    expect(found(fault(begun().wait(4_000), 1_000).wait(4_000).consume('a').drained(), bound)).toEqual({});
    expect(found(fault(begun().wait(6_000), 1_000).consume('a').drained(), bound)).toEqual({ stuck: 1 });
  });

  it('is not owed for a message that came a moment ago', () => {
    expect(found(story().ready().wait(60_000).publish('a').wait(4_000).consume('a').drained(), bound)).toEqual({});
    expect(found(story().ready().wait(60_000).publish('a').wait(6_000).consume('a').drained(), bound)).toEqual({
      stuck: 1,
    });
  });

  it('is not owed while nothing waits', () => {
    expect(found(begun().consume('a').wait(60_000).publish('b').consume('b').drained(), bound)).toEqual({});
  });

  it('is owed for a message with a time to live until that has run out', () => {
    const told = (expiresAfterMs: number) =>
      story().ready().publish('a', { expiresAfterMs }).wait(8_000).publish('b').consume('b').drained(null);
    expect(found(told(3_000), bound)).toEqual({});
    const late = (expiresAfterMs: number) =>
      story().ready().publish('a', { expiresAfterMs }).wait(8_000).consume('a').drained();
    expect(found(late(60_000), bound)).toEqual({ stuck: 1 });
  });

  it('is not owed by a subscription that was closed', () => {
    const told = (end: boolean) => {
      const s = begun().consume('a').publish('b');
      return (end ? s.event('consumer', { type: 'subscribe.end', subscription: 'orders' }) : s)
        .wait(60_000)
        .drained(null);
    };
    expect(found(told(true), bound)).toEqual({ unseen: 1 });
    expect(found(told(false), bound)).toEqual({ unseen: 1, stuck: 1 });
  });
});
