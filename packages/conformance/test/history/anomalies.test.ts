import { describe, expect, it } from 'vitest';
import { ANOMALIES, check, type AnomalyClass, type Claim, type Verdict } from '../../src/history/index.ts';
import { DELIVERY_PATHOLOGIES } from './pathologies-delivery.ts';
import { ORDER_PATHOLOGIES } from './pathologies-order.ts';
import type { Pathology } from './pathology.ts';
import { story, type Story } from './story.ts';

const AT_LEAST_ONCE: Claim = { delivery: 'at-least-once', order: 'none' };
const PATHOLOGIES = [...DELIVERY_PATHOLOGIES, ...ORDER_PATHOLOGIES];

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
