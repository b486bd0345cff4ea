import { describe, expect, it } from 'vitest';
import { check, historyOf, type Claim, type HistoryEvent, type Recordable } from '../../src/history/index.ts';
import { story, type Story } from './story.ts';

const CLAIM: Claim = { delivery: 'at-least-once', order: 'none' };

function consumed(): Story {
  return story().ready().publish('a').consume('a');
}

function begin(s: Story, more: Partial<Extract<Recordable, { type: 'fault.begin' }>> = {}): Story {
  return s.event('parent', { type: 'fault.begin', fault: 'f1', kind: 'kill -9', scope: 'broker', ...more });
}

const confirmed = { type: 'fault.confirmed', fault: 'f1', evidence: 'pid 4711 gone' } as const;
const healed = { type: 'fault.healed', fault: 'f1', evidence: 'round trip' } as const;

describe('unknown is the verdict', () => {
  it.each<[string, Story, Partial<Claim>, string]>([
    ['without a drain', consumed(), {}, 'subscription orders was not drained to its end'],
    [
      'after a drain that left messages',
      consumed().drained(3),
      {},
      'the drain of subscription orders ended with 3 messages left',
    ],
    [
      'with a fault that nothing confirms',
      begin(consumed()).event('parent', healed).drained(),
      {},
      'fault f1 (kill -9) was not confirmed: nothing shows that it happened',
    ],
    [
      'with a fault that was not healed',
      begin(consumed()).event('parent', confirmed).drained(),
      {},
      'fault f1 (kill -9) was not healed',
    ],
    [
      'with fewer faults than asked for',
      consumed().drained(),
      { minimum: { faults: 1 } },
      '0 faults confirmed, at least 1 are needed',
    ],
    [
      'with too few messages',
      consumed().drained(),
      { minimum: { published: 2 } },
      '1 messages confirmed, at least 2 are needed',
    ],
    [
      'with too few handlers',
      consumed().drained(),
      { minimum: { handled: 2 } },
      '1 handlers completed, at least 2 are needed',
    ],
    [
      'without anything published',
      story().ready().drained(),
      { minimum: { handled: 0 } },
      '0 messages confirmed, at least 1 are needed',
    ],
    [
      'where a subscription was never ready',
      consumed().consume('a', { subscription: 'audit' }).drained(),
      {},
      'subscription audit has no subscribe.ready: what it lost cannot be seen',
    ],
    [
      'where nobody subscribed',
      consumed().publish('b', { destination: 'void' }).drained(),
      {},
      'destination void has no subscription: what it lost cannot be seen',
    ],
    [
      'where an event points to nothing',
      consumed().event('consumer', { type: 'handled', delivery: 99, outcome: 'ok' }).drained(),
      {},
      '1 events point to nothing that was recorded, first: handled of delivery 99 of consumer, which is not open',
    ],
    [
      'where an outcome has no publish',
      consumed().event('producer', { type: 'publish.fail', message: 'z' }).drained(),
      {},
      '1 events point to nothing that was recorded, first: publish.fail of message z, which has no publish.invoke before it',
    ],
  ])('%s', (_, told, claim, doubt) => {
    const verdict = check(told.history(), { ...CLAIM, ...claim });
    expect(verdict).toMatchObject({ outcome: 'unknown', doubts: [doubt], anomalies: [] });
  });

  it('where a message is missing and nothing proves that it is lost', () => {
    const verdict = check(consumed().publish('b').drained(null).history(), CLAIM);
    expect(verdict).toMatchObject({ outcome: 'unknown', doubts: [], counts: { anomalies: { unseen: 1 } } });
    expect(verdict.anomalies[0]).toMatchObject({ class: 'unseen', means: 'unknown', message: 'b' });
  });

  it('where a handler still runs', () => {
    const verdict = check(consumed().publish('b').deliver('b').drained().history(), CLAIM);
    expect(verdict.counts.anomalies).toEqual({ unseen: 1 });
  });

  it('but never beside something that is invalid', () => {
    const verdict = check(consumed().consume('ghost').history(), CLAIM);
    expect(verdict).toMatchObject({ outcome: 'invalid', doubts: ['subscription orders was not drained to its end'] });
  });
});

describe('a verdict', () => {
  it('counts what happened', () => {
    const told = story()
      .ready()
      .publish('a')
      .publish('b', { expiresAfterMs: 5 })
      .fail('a')
      .consume('a')
      .invoke('c')
      .event('producer', { type: 'publish.fail', message: 'c' })
      .invoke('d')
      .event('producer', { type: 'publish.unknown', message: 'd' })
      .consume('d')
      .invoke('e')
      .drained();
    const { counts, spanMs, run } = check(told.history(), CLAIM);
    expect(counts).toEqual({
      events: 26,
      messages: 5,
      published: { ok: 2, failed: 1, unknown: 2 },
      deliveries: 3,
      handled: { ok: 2, error: 1 },
      deadLetters: 0,
      expired: 1,
      dropped: 0,
      unknownSeen: 1,
      unknownUnseen: 1,
      explained: { 'handler-error': 1 },
      anomalies: {},
    });
    expect({ spanMs, run }).toEqual({ spanMs: 230, run: 'story' });
  });

  it('keeps the evidence of every fault', () => {
    const told = begin(consumed()).event('parent', confirmed).wait(1_000).event('parent', healed).drained();
    expect(check(told.history(), { ...CLAIM, minimum: { faults: 1 } })).toMatchObject({
      outcome: 'valid',
      faults: [
        {
          fault: 'f1',
          kind: 'kill -9',
          scope: 'broker',
          beganAt: 80,
          healedAt: 1_100,
          evidence: ['pid 4711 gone', 'round trip'],
        },
      ],
    });
  });

  it('shows a loss with its publish, its confirm and the empty queue, and where it is missing', () => {
    const told = story().ready().publish('a').publish('b').publish('c').consume('a').consume('c').drained();
    const [anomaly] = check(told.history(), CLAIM).anomalies;
    expect(anomaly?.witness.map(({ type }) => type)).toEqual(['publish.invoke', 'publish.ok', 'drain.end']);
    expect(anomaly).toMatchObject({ class: 'lost', message: 'b', subscription: 'orders' });
    expect(anomaly?.detail).toBe(
      'never delivered, depth 0 110 ms after its confirm; earlier and later ones of its producer seen',
    );
  });

  it('keeps a few witnesses of each class and counts all', () => {
    let told = story().ready().publish('a').consume('a');
    for (let index = 0; index < 30; index += 1) told = told.consume(`ghost${index}`);
    const verdict = check(told.drained().history(), CLAIM, { witnesses: 2 });
    expect(verdict.anomalies).toHaveLength(2);
    expect(verdict.counts.anomalies).toEqual({ phantom: 30 });
  });

  it('may only warn of duplicates in a history with faults, where the claim says so', () => {
    const twice = (s: Story) => s.consume('a', { attempt: 1 }).drained().history();
    const calm = story().ready().publish('a').consume('a', { attempt: 1 }).wait(10_000);
    expect(check(twice(calm), { ...CLAIM, unexplained: 'warn' }).outcome).toBe('invalid');
    const faulty = begin(story().ready().publish('a').consume('a', { attempt: 1 }).wait(10_000), { disconnects: false })
      .event('parent', confirmed)
      .event('parent', healed);
    const verdict = check(twice(faulty), { ...CLAIM, unexplained: 'warn' });
    expect(verdict).toMatchObject({
      outcome: 'valid',
      counts: { anomalies: { duplicated: 1 } },
      anomalies: [{ means: 'warning' }],
    });
  });

  it('owes a subscription that starts now nothing of the past', () => {
    const told = (starts: 'now' | 'all') =>
      story()
        .ready()
        .publish('a')
        .ready('late', 'consumer', { starts })
        .publish('b')
        .consume('a')
        .consume('b')
        .consume('b', { subscription: 'late' })
        .drained()
        .history();
    expect(check(told('now'), CLAIM).outcome).toBe('valid');
    expect(check(told('all'), CLAIM).counts.anomalies).toEqual({ lost: 1 });
  });

  it('counts what at-most-once loses under faults', () => {
    const told = begin(story().ready().publish('a').publish('b').consume('a'))
      .event('parent', confirmed)
      .event('parent', healed)
      .drained();
    expect(check(told.history(), { delivery: 'at-most-once', order: 'none' })).toMatchObject({
      outcome: 'valid',
      counts: { dropped: 1 },
    });
  });
});

describe('a history that goes wrong without end', () => {
  const header: HistoryEvent = {
    type: 'header',
    version: 1,
    run: 'loop',
    process: 'p',
    at: 0,
    offsetMs: 0,
    uncertaintyMs: 0,
  };

  it('is judged in time that grows with it', { timeout: 20_000 }, () => {
    const events: HistoryEvent[] = [header];
    let at = 0;
    const add = (event: Recordable): number => events.push({ ...event, process: 'p', at: (at += 1) });
    add({ type: 'subscribe.ready', subscription: 'orders', destination: 'orders' });
    add({ type: 'publish.invoke', message: 'a', destination: 'orders', key: 'k' });
    add({ type: 'publish.ok', message: 'a' });
    for (let delivery = 0; delivery < 100_000; delivery += 1) {
      add({ type: 'deliver', delivery, message: 'a', subscription: 'orders', attempt: 9, redelivered: true });
      add({ type: 'handled', delivery, outcome: delivery % 2 === 0 ? 'ok' : 'error' });
    }
    at += 60_000;
    for (let index = 0; index < 10_000; index += 1) {
      add({ type: 'connection.down' });
      add({ type: 'connection.up' });
    }
    add({ type: 'drain.end', depth: 0 });
    const began = performance.now();
    const verdict = check(historyOf(events), { ...CLAIM, order: 'key' });
    expect(verdict.counts.anomalies.duplicated).toBe(50_000);
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});
