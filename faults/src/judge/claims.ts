import type { Claim } from '@waybill/conformance/history';
import type { Plan } from '@waybill/core';
import { maxAttempts, type Place } from '../load/destinations.ts';
import type { Style } from '../outcome.ts';

/** What each destination promises. How a retry comes about is what the plan of the bus says, the rest is the contract. */
export function claimFor(place: Place, plan: Plan, style: Style, faults: number): Claim {
  return { ...usualClaim(place, plan, style, faults), ...style.claims[place] };
}

function usualClaim(place: Place, plan: Plan, style: Style, faults: number): Claim {
  const minimum = { published: style.minimum[place], handled: style.minimum[place], faults };
  const common = { delivery: 'at-least-once', acceptance: style.acceptance, dedup: style.dedup, minimum } as const;
  const queued = { ...common, deadLetter: 'read', maxAttempts, retry: retryOf(place, plan) } as const;
  switch (place) {
    case 'work':
    case 'news':
      return { ...queued, order: 'none' };
    case 'keyed':
      return { ...queued, order: 'key', onRedelivery: 'block', sendOrder: 'called' };
    case 'log':
      // The readers keep their positions in a file, which nothing undoes.
      return { ...common, order: 'key', onRedelivery: 'rewind', sendOrder: 'called', acceptance: 'durable' };
  }
}

function retryOf(place: Place, plan: Plan): 'release' | 'copy' | 'held' {
  const row = plan.find(({ destination, need }) => destination === place && need === 'retry');
  if (row?.met.by !== 'waybill') return 'release';
  return row.met.how.includes('in place') ? 'held' : 'copy';
}
