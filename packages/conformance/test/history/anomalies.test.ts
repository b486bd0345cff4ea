import { describe, expect, it } from 'vitest';
import { ANOMALIES, check, type AnomalyClass, type Claim, type Verdict } from '../../src/history/index.ts';
import { story, type Story } from './story.ts';

interface Pathology {
  readonly anomaly: AnomalyClass;
  readonly what: string;
  readonly claim?: Partial<Claim>;
  /** What the caught history cannot help showing too. */
  readonly besides?: Partial<Record<AnomalyClass, number>>;
  readonly clean: (s: Story) => Story;
  readonly caught: (s: Story) => Story;
  /** Looks like it, and the claim allows it. */
  readonly nearMiss: (s: Story) => Story;
}

const AT_LEAST_ONCE: Claim = { delivery: 'at-least-once', order: 'none' };
const BY_KEY = { order: 'key' } as const;
const k = { key: 'k' };

const PATHOLOGIES: readonly Pathology[] = [
  {
    anomaly: 'lost',
    what: 'a confirmed message that nobody gets though the queue is empty',
    clean: (s) => s.ready().publish('a').publish('b').consume('a').consume('b').drained(),
    caught: (s) => s.ready().publish('a').publish('b').consume('a').drained(),
    nearMiss: (s) =>
      s
        .ready()
        .publish('a')
        .invoke('b')
        .event('producer', { type: 'publish.unknown', message: 'b' })
        .consume('a')
        .drained(),
  },
  {
    anomaly: 'lost',
    what: 'a message that failed and never came again',
    clean: (s) => s.ready().publish('a').publish('b').fail('a').consume('a').consume('b').drained(),
    caught: (s) => s.ready().publish('a').publish('b').fail('a').consume('b').drained(),
    nearMiss: (s) =>
      s
        .ready()
        .publish('a')
        .publish('b')
        .deliver('a')
        .handled('a', 'error')
        .settle('a', 'reject')
        .consume('b')
        .event('parent', { type: 'dead-letter.read', message: 'a', subscription: 'orders' })
        .drained(),
  },
  {
    anomaly: 'lost',
    what: 'a message that one of two subscriptions never gets',
    clean: (s) => s.ready().ready('audit').publish('a').consume('a').consume('a', { subscription: 'audit' }).drained(),
    caught: (s) =>
      s
        .ready()
        .ready('audit')
        .publish('a')
        .publish('b')
        .consume('a')
        .consume('a', { subscription: 'audit' })
        .consume('b')
        .drained(),
    nearMiss: (s) =>
      s
        .ready()
        .ready('audit')
        .publish('a', { expect: ['orders'] })
        .consume('a')
        .drained(),
  },
  {
    anomaly: 'lost',
    what: 'a hole in a key, though the depth is not known',
    claim: BY_KEY,
    clean: (s) => s.ready().publish('a', k).publish('b', k).consume('a').consume('b').drained(null),
    caught: (s) => s.ready().publish('a', k).publish('b', k).consume('b').drained(null),
    nearMiss: (s) =>
      s
        .ready()
        .publish('a', { ...k, expiresAfterMs: 5 })
        .publish('b', k)
        .consume('b')
        .drained(null),
  },
  {
    anomaly: 'lost',
    what: 'a message lost under at-most-once without any fault',
    claim: { delivery: 'at-most-once' },
    clean: (s) => s.ready().publish('a').publish('b').consume('a').consume('b').drained(),
    caught: (s) => s.ready().publish('a').publish('b').consume('a').drained(),
    nearMiss: (s) =>
      s
        .ready()
        .publish('a')
        .publish('b')
        .event('consumer', { type: 'connection.down' })
        .event('consumer', { type: 'connection.up' })
        .consume('a')
        .drained(),
  },
  {
    anomaly: 'acked-unhandled',
    what: 'accepted while the handler still runs',
    clean: (s) => s.ready().publish('a').deliver('a').handled('a').settle('a', 'accept').drained(),
    caught: (s) => s.ready().publish('a').deliver('a').settle('a', 'accept').handled('a').drained(),
    nearMiss: (s) => s.ready().publish('a').deliver('a').settle('a', 'accept', 'lost').handled('a').drained(),
  },
  {
    anomaly: 'acked-unhandled',
    what: 'a commit past a delivery that is not done',
    clean: (s) => lane(s).handled('b').handled('a').event('consumer', commit('2')).drained(),
    caught: (s) => lane(s).handled('b').event('consumer', commit('2')).handled('a').drained(),
    nearMiss: (s) => lane(s).handled('a').event('consumer', commit('1')).handled('b').drained(),
  },
  {
    anomaly: 'duplicated',
    what: 'a second copy of an accepted message',
    clean: (s) => s.ready().publish('a').consume('a', { attempt: 1 }).drained(),
    caught: (s) => s.ready().publish('a').consume('a', { attempt: 1 }).wait(50).consume('a', { attempt: 1 }).drained(),
    nearMiss: (s) =>
      s.ready().invoke('a').publish('a').consume('a', { attempt: 1 }).wait(50).consume('a', { attempt: 1 }).drained(),
  },
  {
    anomaly: 'duplicated',
    what: 'a second delivery under at-most-once, whatever the reason',
    claim: { delivery: 'at-most-once' },
    clean: (s) => s.ready().publish('a').deliver('a').handled('a', 'error').publish('b').consume('b').drained(),
    caught: (s) => s.ready().publish('a').deliver('a').handled('a', 'error').consume('a').drained(),
    nearMiss: (s) => s.ready().publish('a').publish('a').consume('a').consume('a').drained(),
  },
  {
    anomaly: 'duplicated',
    what: 'a redelivery after a lost connection, of the message of another process',
    clean: (s) => s.ready().publish('a').deliver('a').handled('a').drained(),
    caught: (s) =>
      s
        .ready()
        .publish('a')
        .deliver('a')
        .handled('a')
        .event('other', { type: 'connection.down' })
        .wait(500)
        .deliver('a', {}, 'other')
        .handled('a')
        .drained(),
    nearMiss: (s) =>
      s
        .ready()
        .publish('a')
        .deliver('a')
        .handled('a')
        .event('consumer', { type: 'connection.down' })
        .wait(500)
        .deliver('a', {}, 'other')
        .handled('a')
        .drained(),
  },
  {
    anomaly: 'reordered',
    what: 'two messages of a key the wrong way round',
    claim: BY_KEY,
    clean: (s) => s.ready().publish('a', k).publish('b', k).consume('a').consume('b').drained(),
    caught: (s) => s.ready().publish('a', k).publish('b', k).consume('b').consume('a').drained(),
    nearMiss: (s) => s.ready().publish('a', k).publish('b', { key: 'other' }).consume('b').consume('a').drained(),
  },
  {
    anomaly: 'reordered',
    what: 'a later message between a failure and its retry, where failures block',
    claim: { ...BY_KEY, onRedelivery: 'block' },
    clean: (s) => s.ready().publish('a', k).publish('b', k).fail('a').consume('a').consume('b').drained(),
    caught: (s) => s.ready().publish('a', k).publish('b', k).fail('a').consume('b').consume('a').drained(),
    nearMiss: (s) =>
      s
        .ready()
        .invoke('a', k)
        .invoke('b', k)
        .event('producer', { type: 'publish.ok', message: 'a' })
        .event('producer', { type: 'publish.ok', message: 'b' })
        .fail('a')
        .consume('b')
        .consume('a')
        .drained(),
  },
  {
    anomaly: 'reordered',
    what: 'a first delivery that comes late, where only redeliveries may skip',
    claim: { ...BY_KEY, onRedelivery: 'skip' },
    clean: (s) => s.ready().publish('a', k).publish('b', k).consume('a').consume('b').drained(),
    caught: (s) => s.ready().publish('a', k).publish('b', k).consume('b').consume('a').drained(),
    nearMiss: (s) => s.ready().publish('a', k).publish('b', k).fail('a').consume('b').consume('a').drained(),
  },
  {
    anomaly: 'reordered',
    what: 'a replay with a hole, where failures rewind',
    claim: { ...BY_KEY, onRedelivery: 'rewind', acceptance: 'sent' },
    clean: (s) => abc(s).consume('a').consume('b').consume('c').drained(),
    caught: (s) =>
      abc(s)
        .consume('a')
        .deliver('b')
        .event('consumer', { type: 'connection.down' })
        .deliver('a', {}, 'other')
        .handled('a')
        .deliver('c', {}, 'other')
        .handled('c')
        .deliver('b', {}, 'other')
        .handled('b')
        .drained(),
    nearMiss: (s) =>
      abc(s)
        .consume('a')
        .deliver('b')
        .event('consumer', { type: 'connection.down' })
        .deliver('a', {}, 'other')
        .handled('a')
        .deliver('b', {}, 'other')
        .handled('b')
        .deliver('c', {}, 'other')
        .handled('c')
        .drained(),
  },
  {
    anomaly: 'reordered',
    what: 'two subscriptions that disagree, where the order is total',
    claim: { order: 'total' },
    clean: (s) => two(s).consume('a').consume('b').consume('a', audit).consume('b', audit).drained(),
    caught: (s) => two(s).consume('a').consume('b').consume('b', audit).consume('a', audit).drained(),
    nearMiss: (s) => two(s).consume('b').consume('a').consume('b', audit).consume('a', audit).drained(),
  },
  {
    anomaly: 'resurrected',
    what: 'delivered again long after its accept took effect',
    clean: (s) => s.ready().publish('a').consume('a').drained(),
    caught: (s) => s.ready().publish('a').consume('a').wait(5_000).consume('a', { redelivered: true }).drained(),
    nearMiss: (s) =>
      s
        .ready()
        .publish('a')
        .deliver('a')
        .handled('a')
        .settle('a', 'accept', 'lost')
        .wait(5_000)
        .consume('a', { redelivered: true })
        .drained(),
  },
  {
    anomaly: 'resurrected',
    what: 'an accept undone by a lost connection, where the claim says confirmed',
    claim: { acceptance: 'confirmed' },
    clean: (s) =>
      s
        .ready()
        .publish('a')
        .deliver('a')
        .handled('a')
        .event('consumer', { type: 'connection.down' })
        .consume('a', {}, 'other')
        .drained(),
    caught: (s) =>
      s
        .ready()
        .publish('a')
        .consume('a')
        .event('consumer', { type: 'connection.down' })
        .consume('a', {}, 'other')
        .drained(),
    nearMiss: (s) =>
      s
        .ready()
        .publish('a')
        .consume('a')
        .event('parent', { type: 'fault.begin', fault: 'f', kind: 'kill -9', scope: 'broker' })
        .event('parent', { type: 'fault.confirmed', fault: 'f', evidence: 'pid gone' })
        .event('parent', { type: 'fault.healed', fault: 'f' })
        .consume('a', {}, 'other')
        .drained(),
  },
  {
    anomaly: 'premature-redelivery',
    what: 'given to somebody else inside the lease',
    clean: (s) =>
      s
        .ready()
        .publish('b')
        .consume('b')
        .publish('a')
        .deliver('a', { leaseMs: 1_000 })
        .handled('a')
        .settle('a', 'accept')
        .drained(),
    caught: (s) =>
      s
        .ready()
        .publish('b')
        .consume('b')
        .publish('a')
        .deliver('a', { leaseMs: 1_000 })
        .handled('a')
        .wait(500)
        .deliver('a', { leaseMs: 1_000 }, 'other')
        .handled('a')
        .drained(),
    nearMiss: (s) =>
      s
        .ready()
        .publish('b')
        .consume('b')
        .publish('a')
        .deliver('a', { leaseMs: 1_000 })
        .handled('a')
        .wait(2_000)
        .deliver('a', { leaseMs: 1_000 }, 'other')
        .handled('a')
        .drained(),
  },
  {
    anomaly: 'premature-redelivery',
    what: 'given to somebody else inside an extended lease',
    clean: (s) => s.ready().publish('a').deliver('a', { leaseMs: 1_000 }).handled('a').drained(),
    caught: (s) =>
      extended(s.ready().publish('a').deliver('a', { leaseMs: 100 }).handled('a'))
        .wait(500)
        .deliver('a', {}, 'other')
        .handled('a')
        .drained(),
    nearMiss: (s) =>
      extended(s.ready().publish('a').deliver('a', { leaseMs: 100 }).handled('a'))
        .wait(1_500)
        .deliver('a', {}, 'other')
        .handled('a')
        .drained(),
  },
  {
    anomaly: 'concurrent-delivery',
    what: 'two handlers of one message at once',
    clean: (s) =>
      s.ready().publish('a').deliver('a').handled('a', 'error').deliver('a', {}, 'other').handled('a').drained(),
    caught: (s) =>
      s
        .ready()
        .publish('a')
        .deliver('a')
        .deliver('a', {}, 'other')
        .handled('a')
        .event('consumer', { type: 'handled', delivery: 1, outcome: 'ok' })
        .drained(),
    nearMiss: (s) =>
      s
        .ready()
        .publish('a')
        .deliver('a')
        .event('parent', { type: 'process.exit', exited: 'consumer', signal: 'SIGKILL' })
        .deliver('a', {}, 'other')
        .handled('a')
        .drained(),
  },
  {
    anomaly: 'phantom',
    what: 'a message that nobody published',
    clean: (s) => s.ready().publish('a').consume('a').drained(),
    caught: (s) => s.ready().publish('a').consume('a').consume('ghost').drained(),
    nearMiss: (s) => s.ready().publish('a').invoke('ghost').consume('a').consume('ghost').drained(),
  },
  {
    anomaly: 'phantom',
    what: 'a message of another destination',
    clean: (s) => s.ready().publish('a').consume('a', { destination: 'orders' }).drained(),
    caught: (s) => s.ready().publish('a').consume('a', { destination: 'invoices' }).drained(),
    nearMiss: (s) => s.ready().publish('a').consume('a').drained(),
  },
  {
    anomaly: 'phantom',
    what: 'a message that the filter of the subscription excludes',
    clean: (s) =>
      s
        .ready()
        .ready('audit')
        .publish('a', { expect: ['audit'] })
        .consume('a', audit)
        .drained(),
    caught: (s) =>
      s
        .ready()
        .ready('audit')
        .publish('a', { expect: ['audit'] })
        .consume('a', audit)
        .consume('a')
        .drained(),
    nearMiss: (s) => s.ready().ready('audit').publish('a').consume('a', audit).consume('a').drained(),
  },
  {
    anomaly: 'aborted-read',
    what: 'a message whose publish certainly failed',
    clean: (s) =>
      s
        .ready()
        .publish('a')
        .invoke('b')
        .event('producer', { type: 'publish.fail', message: 'b' })
        .consume('a')
        .drained(),
    caught: (s) =>
      s
        .ready()
        .publish('a')
        .invoke('b')
        .event('producer', { type: 'publish.fail', message: 'b' })
        .consume('a')
        .consume('b')
        .drained(),
    nearMiss: (s) =>
      s
        .ready()
        .publish('a')
        .invoke('b')
        .event('producer', { type: 'publish.fail', message: 'b' })
        .publish('b')
        .consume('a')
        .consume('b')
        .drained(),
  },
  {
    anomaly: 'corrupted',
    what: 'another body than published',
    clean: (s) =>
      s.ready().publish('a', { body: '1', headers: '2' }).consume('a', { body: '1', headers: '2' }).drained(),
    caught: (s) =>
      s.ready().publish('a', { body: '1', headers: '2' }).consume('a', { body: '9', headers: '2' }).drained(),
    nearMiss: (s) => s.ready().publish('a', { body: '1' }).consume('a', { body: '1', headers: '7' }).drained(),
  },
  {
    anomaly: 'corrupted',
    what: 'the headers of another message',
    clean: (s) => s.ready().publish('a').consume('a', { headerMessage: 'a' }).drained(),
    caught: (s) => s.ready().publish('a').consume('a', { headerMessage: 'b' }).drained(),
    nearMiss: (s) =>
      s.ready().publish('a', { headers: '2' }).consume('a', { headerMessage: 'a', headers: '2' }).drained(),
  },
  {
    anomaly: 'wrong-count',
    what: 'an attempt that stands still',
    clean: (s) =>
      s.ready().publish('a').fail('a', { attempt: 1 }).fail('a', { attempt: 2 }).consume('a', { attempt: 3 }).drained(),
    caught: (s) =>
      s.ready().publish('a').fail('a', { attempt: 1 }).fail('a', { attempt: 2 }).consume('a', { attempt: 2 }).drained(),
    nearMiss: (s) =>
      s
        .ready()
        .publish('a')
        .fail('a', { attempt: 1 })
        .deliver('a', { attempt: 2 })
        .event('consumer', { type: 'connection.down' })
        .consume('a', { attempt: 2 }, 'other')
        .drained(),
  },
  {
    anomaly: 'wrong-count',
    what: 'given up one attempt too early',
    claim: { deadLetter: 'read', maxAttempts: 2 },
    clean: (s) =>
      buried(
        s
          .ready()
          .publish('a')
          .publish('b')
          .consume('b')
          .fail('a')
          .deliver('a')
          .handled('a', 'error')
          .settle('a', 'reject'),
        'attempts',
      ).drained(),
    caught: (s) =>
      buried(
        s.ready().publish('a').publish('b').consume('b').deliver('a').handled('a', 'error').settle('a', 'reject'),
        'attempts',
      ).drained(),
    nearMiss: (s) =>
      buried(
        s.ready().publish('a').publish('b').consume('b').deliver('a').handled('a', 'error').settle('a', 'reject'),
        'rejected',
      ).drained(),
  },
  {
    anomaly: 'wrong-count',
    what: 'a redelivery flag on a message that nobody had',
    clean: (s) =>
      s.ready().publish('a').fail('a', { redelivered: false }).consume('a', { redelivered: true }).drained(),
    caught: (s) => s.ready().publish('a').consume('a', { redelivered: true }).drained(),
    nearMiss: (s) =>
      s
        .ready()
        .publish('a')
        .event('other', { type: 'subscribe.end', subscription: 'orders' })
        .consume('a', { redelivered: true })
        .drained(),
  },
  {
    anomaly: 'double-fate',
    what: 'accepted and dead-lettered',
    claim: { deadLetter: 'read' },
    clean: (s) =>
      buried(
        s.ready().publish('a').publish('b').consume('b').deliver('a').handled('a', 'error').settle('a', 'reject'),
        'rejected',
      ).drained(),
    caught: (s) => buried(s.ready().publish('a').consume('a'), 'rejected').drained(),
    nearMiss: (s) =>
      buried(
        s
          .ready()
          .publish('a')
          .deliver('a')
          .handled('a', 'error')
          .event('consumer', { type: 'connection.down' })
          .consume('a', {}, 'other'),
        'rejected',
      ).drained(),
  },
  {
    anomaly: 'double-fate',
    what: 'delivered after it expired',
    clean: (s) => s.ready().publish('a', { expiresAfterMs: 100 }).publish('b').consume('b').wait(5_000).drained(),
    caught: (s) =>
      s.ready().publish('a', { expiresAfterMs: 100 }).publish('b').consume('b').wait(5_000).consume('a').drained(),
    nearMiss: (s) =>
      s.ready().publish('a', { expiresAfterMs: 5_000 }).publish('b').consume('b').wait(4_000).consume('a').drained(),
  },
  {
    anomaly: 'stuck',
    what: 'nothing moves after a fault was healed',
    claim: { progressWithinMs: 5_000 },
    clean: (s) => killed(s.ready().publish('a'), 20_000).wait(3_000).consume('a').drained(),
    caught: (s) => killed(s.ready().publish('a'), 20_000).wait(6_000).consume('a').drained(),
    nearMiss: (s) => killed(s.ready(), 20_000).wait(6_000).publish('a').consume('a').drained(),
  },
  {
    anomaly: 'stuck',
    what: 'a subscription that never comes back',
    besides: { unseen: 1 },
    claim: { progressWithinMs: 5_000 },
    clean: (s) => s.ready().publish('a').consume('a').drained(),
    caught: (s) =>
      killed(s.ready().publish('a').consume('a').publish('b'), 100)
        .wait(6_000)
        .event('parent', { type: 'drain.begin' }),
    nearMiss: (s) =>
      s
        .ready()
        .event('consumer', { type: 'subscribe.end', subscription: 'orders' })
        .publish('a')
        .wait(60_000)
        .ready()
        .consume('a')
        .drained(),
  },
  {
    anomaly: 'overlap',
    what: 'two handlers of one key at once',
    claim: BY_KEY,
    clean: (s) =>
      s
        .ready()
        .publish('a', k)
        .publish('b', k)
        .deliver('a')
        .handled('a')
        .deliver('b', {}, 'other')
        .handled('b')
        .drained(),
    caught: (s) =>
      s
        .ready()
        .publish('a', k)
        .publish('b', k)
        .deliver('a')
        .deliver('b', {}, 'other')
        .handled('a')
        .handled('b')
        .drained(),
    nearMiss: (s) =>
      s
        .ready()
        .publish('a', k)
        .publish('b', { key: 'other' })
        .deliver('a')
        .deliver('b', {}, 'other')
        .handled('a')
        .handled('b')
        .drained(),
  },
];

const audit = { subscription: 'audit' };

function abc(s: Story): Story {
  return s.ready().publish('a', k).publish('b', k).publish('c', k);
}

/** Published side by side, so that either may be first. */
function two(s: Story): Story {
  const confirm = (message: string) => ({ type: 'publish.ok', message }) as const;
  return s
    .ready()
    .ready('audit')
    .invoke('a')
    .invoke('b', {}, 'rival')
    .event('producer', confirm('a'))
    .event('rival', confirm('b'));
}

function lane(s: Story): Story {
  return s
    .ready()
    .publish('a')
    .publish('b')
    .deliver('a', { lane: '0', position: '1' })
    .deliver('b', { lane: '0', position: '2' });
}

function commit(through: string) {
  return { type: 'commit', subscription: 'orders', lane: '0', through, outcome: 'ok' } as const;
}

function extended(s: Story): Story {
  return s
    .event('consumer', { type: 'settle.invoke', delivery: 1, settlement: 'extend' })
    .event('consumer', { type: 'settle.ok', delivery: 1, settlement: 'extend', leaseMs: 1_000 });
}

function buried(s: Story, reason: 'attempts' | 'rejected'): Story {
  return s.event('parent', { type: 'dead-letter.read', message: 'a', subscription: 'orders', reason });
}

function killed(s: Story, forMs: number): Story {
  return s
    .event('parent', { type: 'fault.begin', fault: 'kill-1', kind: 'kill -9', scope: 'broker' })
    .event('parent', { type: 'fault.confirmed', fault: 'kill-1', evidence: 'pid 4711 gone, port refused' })
    .wait(forMs)
    .event('parent', { type: 'fault.healed', fault: 'kill-1', evidence: 'round trip in 2 ms' });
}

function judge(pathology: Pathology, tell: (s: Story) => Story): Verdict {
  return check(tell(story()).history(), { ...AT_LEAST_ONCE, ...pathology.claim });
}

describe.each(PATHOLOGIES)('$anomaly: $what', (pathology) => {
  it('passes a clean history', () => {
    expect(judge(pathology, pathology.clean)).toMatchObject({ outcome: 'valid', anomalies: [], doubts: [] });
  });

  it('is caught, alone, with a witness', () => {
    const verdict = judge(pathology, pathology.caught);
    expect(verdict.counts.anomalies).toEqual({ [pathology.anomaly]: 1, ...pathology.besides });
    expect(verdict.outcome).toBe('invalid');
    const [anomaly] = verdict.anomalies;
    expect(anomaly?.witness.length).toBeGreaterThan(0);
    expect(anomaly?.witness.length).toBeLessThanOrEqual(10);
  });

  it('leaves the near miss alone', () => {
    expect(judge(pathology, pathology.nearMiss)).toMatchObject({ outcome: 'valid', anomalies: [], doubts: [] });
  });
});

describe('the table', () => {
  it('has a pathology for every class that makes a history invalid', () => {
    const named = new Set(PATHOLOGIES.map(({ anomaly }) => anomaly));
    expect(Object.keys(ANOMALIES).filter((name) => name !== 'unseen' && !named.has(name as AnomalyClass))).toEqual([]);
  });
});
