import { describe, expect, it } from 'vitest';
import { check, historyOf, type Claim, type HistoryEvent } from '../../src/history/index.ts';
import { DEFECTS } from './defects.ts';
import { createRandom } from './random.ts';
import { MAX_ATTEMPTS, simulate, type SimulationOptions } from './simulate.ts';

const CLAIM: Claim = {
  delivery: 'at-least-once',
  order: 'key',
  onRedelivery: 'block',
  deadLetter: 'read',
  maxAttempts: MAX_ATTEMPTS,
};
const SEEDS = Array.from({ length: 200 }, (_, index) => index + 1);

function judge(events: readonly HistoryEvent[], claim: Claim = CLAIM) {
  return check(historyOf(events), claim);
}

describe('a broker that keeps its promises', () => {
  it('passes, whatever dies', () => {
    const explained = new Map<string, number>();
    for (const seed of SEEDS) {
      const verdict = judge(simulate(seed).events);
      expect({ seed, outcome: verdict.outcome, anomalies: verdict.anomalies, doubts: verdict.doubts }).toEqual({
        seed,
        outcome: 'valid',
        anomalies: [],
        doubts: [],
      });
      for (const [cause, count] of Object.entries(verdict.counts.explained))
        explained.set(cause, (explained.get(cause) ?? 0) + count);
    }
    const causes = [...explained].filter(([, count]) => count > 10).map(([cause]) => cause);
    expect(causes.toSorted()).toEqual(
      ['connection-down', 'consumer-death', 'handler-error', 'lost-settle', 'unknown-publish'].toSorted(),
    );
  });

  it.each<[string, Partial<Claim>, SimulationOptions]>([
    ['none', { order: 'none' }, {}],
    ['key, where redeliveries skip', { onRedelivery: 'skip' }, {}],
    ['key, where redeliveries rewind', { onRedelivery: 'rewind' }, {}],
    ['total', { order: 'total' }, { keys: ['x'] }],
  ])('passes a claim of order %s', (_, claim, options) => {
    for (const seed of SEEDS.slice(0, 50)) {
      expect({ seed, anomalies: judge(simulate(seed, options).events, { ...CLAIM, ...claim }).anomalies }).toEqual({
        seed,
        anomalies: [],
      });
    }
  });

  it('passes where nobody records settlements', () => {
    for (const seed of SEEDS) {
      const events = simulate(seed, { settleFails: 0 }).events.filter(({ type }) => !type.startsWith('settle.'));
      const { outcome, anomalies } = judge(events);
      expect({ seed, outcome, anomalies }).toEqual({ seed, outcome: 'valid', anomalies: [] });
    }
  });

  it('is caught when it loses a single message between faults', () => {
    for (const seed of SEEDS.slice(0, 100)) {
      const { events } = simulate(seed);
      const victim = createRandom(seed).pick(
        events.flatMap((event) => (event.type === 'publish.ok' ? [event.message] : [])),
      );
      const ids = new Set(
        events.flatMap((event) => (event.type === 'deliver' && event.message === victim ? [event.delivery] : [])),
      );
      const rest = events.filter(
        (event) =>
          !('delivery' in event && ids.has(event.delivery)) &&
          !(event.type === 'dead-letter.read' && event.message === victim),
      );
      const lost = judge(rest)
        .anomalies.filter((anomaly) => anomaly.class === 'lost')
        .map(({ message }) => message);
      expect({ seed, lost }).toEqual({ seed, lost: [victim] });
    }
  });
});

describe.each(DEFECTS)('one defect in it: $anomaly', ({ anomaly, inject, claim }) => {
  it.each(SEEDS.slice(0, 25))('is found, and nothing else, with seed %i', (seed) => {
    const { events, tail } = simulate(seed);
    const broken = inject(events, tail, createRandom(seed));
    const verdict = judge(broken, { ...CLAIM, ...claim });
    expect(verdict.counts.anomalies).toEqual({ [anomaly]: 1 });
    expect(verdict.outcome).toBe(anomaly === 'unseen' ? 'unknown' : 'invalid');
  });
});
