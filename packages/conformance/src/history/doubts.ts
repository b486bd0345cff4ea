import type { Ledger } from './ledger.ts';
import type { History } from './reader.ts';

/** Reasons why a history without anomalies still proves nothing. */
export function collectDoubts(ledger: Ledger, history: History): string[] {
  return [
    ...thinRuns(ledger),
    ...openDrains(ledger),
    ...openFaults(ledger),
    ...missingSubscriptions(ledger),
    ...holes(ledger, history),
  ];
}

function* thinRuns(ledger: Ledger): Generator<string> {
  const { published, handled, faults } = ledger.claim.minimum;
  const confirmed = [...ledger.messages.values()].filter(({ oks }) => oks > 0).length;
  const proved = [...ledger.faults.values()].filter(({ isConfirmed }) => isConfirmed).length;
  if (confirmed < published) yield `${confirmed} messages confirmed, at least ${published} are needed`;
  if (ledger.tally.ok < handled) yield `${ledger.tally.ok} handlers completed, at least ${handled} are needed`;
  if (proved < faults) yield `${proved} faults confirmed, at least ${faults} are needed`;
}

function* openDrains(ledger: Ledger): Generator<string> {
  for (const { name, drain } of ledger.subscriptions.values()) {
    const last =
      drain === undefined || (ledger.drain !== undefined && ledger.drain.ordinal > drain.ordinal)
        ? ledger.drain
        : drain;
    if (last === undefined) yield `subscription ${name} was not drained to its end`;
    else if (last.depth !== null && last.depth > 0)
      yield `the drain of subscription ${name} ended with ${last.depth} messages left`;
  }
}

function* openFaults(ledger: Ledger): Generator<string> {
  for (const { fault, kind, isConfirmed, to } of ledger.faults.values()) {
    if (!isConfirmed) yield `fault ${fault} (${kind}) was not confirmed: nothing shows that it happened`;
    if (to === Infinity) yield `fault ${fault} (${kind}) was not healed`;
  }
}

function* missingSubscriptions(ledger: Ledger): Generator<string> {
  for (const { name, isReady } of ledger.subscriptions.values()) {
    if (!isReady) yield `subscription ${name} has no subscribe.ready: what it lost cannot be seen`;
  }
  const silent = new Set<string>();
  for (const { destination, expect, invokes } of ledger.messages.values()) {
    if (invokes > 0 && expect === undefined && !ledger.bindings.has(destination)) silent.add(destination);
  }
  for (const destination of silent) yield `destination ${destination} has no subscription: what it lost cannot be seen`;
}

function* holes(ledger: Ledger, history: History): Generator<string> {
  const { count, first } = ledger.orphans;
  if (first !== undefined) yield `${count} events point to nothing that was recorded, first: ${first}`;
  for (const process of history.torn) {
    if ((ledger.holders.get(process)?.exitedAt ?? Infinity) === Infinity)
      yield `the last line of ${process} is cut off, but its exit was not recorded`;
  }
}
