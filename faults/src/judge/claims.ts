import type { Claim } from '@waybill/conformance/history';
import type { Plan } from '@waybill/core';
import { maxAttempts, type Place } from '../load/destinations.ts';
import type { Style } from '../outcome.ts';

/** What each destination promises. How a retry comes about is what the plan of the bus says, the rest is the contract. */
export function claimFor(place: Place, plan: Plan, style: Style, faults: number): Claim {
  const minimum = { published: style.minimum[place], handled: style.minimum[place], faults };
  const common = { delivery: 'at-least-once', acceptance: style.acceptance, dedup: style.dedup, minimum } as const;
  const queued = { ...common, deadLetter: 'read', maxAttempts } as const;
  switch (place) {
    case 'work':
      return { ...queued, order: 'none', retry: retriesByCopy(plan) ? 'copy' : 'release' };
    case 'news':
      return { ...queued, order: 'none' };
    case 'keyed':
      return { ...queued, order: 'key', onRedelivery: 'block', sendOrder: 'called' };
    case 'log':
      // The readers keep their positions in a file, which nothing undoes.
      return { ...common, order: 'key', onRedelivery: 'rewind', sendOrder: 'called', acceptance: 'durable' };
  }
}

function retriesByCopy(plan: Plan): boolean {
  return plan.some(({ destination, need, met }) => destination === 'work' && need === 'retry' && met.by === 'waybill');
}
