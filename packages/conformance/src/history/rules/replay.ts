import { publishOrdinals, type Findings } from '../findings.ts';
import type { Delivery, Ledger } from '../ledger.ts';
import { isOrdered, type Member } from './member.ts';

interface Step {
  readonly place: number;
  readonly delivery: Delivery;
}

/** `rewind`: the next one, or back to an earlier one and on from there; never a jump over one that comes later. */
export function judgeReplay(ledger: Ledger, findings: Findings, members: readonly Member[]): void {
  let last: Step | undefined;
  for (const step of stepsOf(members)) {
    const skipped = members[(last?.place ?? -1) + 1];
    const isJump = step.place > (last?.place ?? -1) + 1;
    if (isJump && skipped !== undefined && isOrdered(ledger, skipped.message, step.delivery.message))
      report(findings, skipped, step.delivery, last);
    last = step;
  }
}

/** All deliveries of the group in the order of their start, without second copies of what was published again, and without what a former holder starts too late. */
function stepsOf(members: readonly Member[]): Step[] {
  const steps = members.flatMap(({ deliveries }, place) =>
    deliveries.filter(isOfTheLog).map((delivery) => ({ place, delivery })),
  );
  return steps.toSorted((left, right) => left.delivery.ordinal - right.delivery.ordinal);
}

function isOfTheLog({ cause }: Delivery): boolean {
  return cause !== 'repeated-publish' && cause !== 'unknown-publish' && cause !== 'late-start';
}

function report(findings: Findings, skipped: Member, delivery: Delivery, last: Step | undefined): void {
  findings.add({
    class: 'reordered',
    means: 'invalid',
    message: delivery.message.id,
    subscription: delivery.subscription.name,
    detail: `came after ${last?.delivery.message.id ?? 'nothing'}, over ${skipped.message.id}, which stands between them`,
    ordinals: [
      ...publishOrdinals(skipped.message),
      delivery.message.invokeOrdinal,
      last?.delivery.ordinal ?? -1,
      delivery.ordinal,
      skipped.first.ordinal,
    ],
  });
}
