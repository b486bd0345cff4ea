import { deliveryOrdinals, ms, type Findings } from '../findings.ts';
import { clockError, type Delivery, type Ledger } from '../ledger.ts';
import { whyLetGo } from '../returned.ts';
import { ranUntil } from './shared.ts';

/** Handlers of one key, or of a total order, run one at a time; a holder that lost its delivery no longer counts. */
export function judgeOverlap(ledger: Ledger, findings: Findings): void {
  if (ledger.claim.order === 'none') return;
  for (const handlings of handlingsByUnit(ledger, ledger.claim.order).values()) {
    judgeUnit(
      ledger,
      findings,
      handlings.toSorted((left, right) => left.ordinal - right.ordinal),
    );
  }
}

/** A unit of order: what may not run beside each other. */
function handlingsByUnit(ledger: Ledger, order: 'key' | 'total'): Map<string, Delivery[]> {
  const units = new Map<string, Delivery[]>();
  for (const { key, destination, deliveries, invokes } of ledger.messages.values()) {
    if (invokes === 0 || (order === 'key' && key === undefined)) continue;
    for (const delivery of deliveries) {
      const unit = `${delivery.subscription.name}\0${destination}\0${order === 'key' ? key : ''}`;
      const list = units.get(unit);
      if (list === undefined) units.set(unit, [delivery]);
      else list.push(delivery);
    }
  }
  return units;
}

function judgeUnit(ledger: Ledger, findings: Findings, handlings: readonly Delivery[]): void {
  let running: Delivery | undefined;
  for (const next of handlings) {
    const holdsOn =
      running !== undefined && isRunning(running, next) && whyLetGo(ledger, running, next.at) === undefined;
    if (running !== undefined && holdsOn && running.message !== next.message) report(findings, running, next);
    if (running === undefined || !holdsOn || ranUntil(next) > ranUntil(running)) running = next;
  }
}

function isRunning(running: Delivery, next: Delivery): boolean {
  if (running.holder === next.holder && running.endOrdinal >= 0) return next.ordinal < running.endOrdinal;
  return next.at + clockError(running.holder, next.holder) < ranUntil(running);
}

function report(findings: Findings, running: Delivery, next: Delivery): void {
  const { message, subscription } = next;
  findings.add({
    class: 'overlap',
    means: 'invalid',
    message: message.id,
    subscription: subscription.name,
    detail: `started at ${next.holder.name} ${ms(ranUntil(running) - next.at)} before the handler of ${running.message.id} ended at ${running.holder.name}${message.key === undefined ? '' : `, key ${message.key}`}`,
    ordinals: [...deliveryOrdinals(running).slice(0, 2), ...deliveryOrdinals(next).slice(0, 2)],
  });
}
