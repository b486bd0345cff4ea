import { publishOrdinals, type Findings } from '../findings.ts';
import { compareContents } from '../intake-consumer.ts';
import type { Delivery, Ledger, Message } from '../ledger.ts';
import type { AnomalyClass } from '../verdict.ts';

/** What was delivered must have been published: in this run, to this place, not refused, and with these contents. */
export function judgePublishing(ledger: Ledger, findings: Findings): void {
  for (const { delivery, event } of ledger.early)
    if (delivery.message.invokes > 0) compareContents(ledger, delivery, event);
  const destinations = destinationsOfSubscriptions(ledger);
  const strays = new Map(ledger.strays.map(({ delivery, destination }) => [delivery, destination]));
  for (const message of ledger.messages.values()) {
    if (message.invokes === 0) reportUnknown(ledger, findings, message);
    else if (message.fails === message.invokes) reportAborted(findings, message);
    else
      for (const delivery of message.deliveries)
        judgePlace(findings, delivery, destinations.get(delivery.subscription.name), strays.get(delivery));
  }
  for (const { delivery, what } of ledger.corrupted) report(findings, 'corrupted', delivery, what);
  for (const message of ledger.messages.values()) judgeDeadLetters(findings, message);
}

function destinationsOfSubscriptions(ledger: Ledger): Map<string, Set<string>> {
  const destinations = new Map<string, Set<string>>();
  for (const [destination, bindings] of ledger.bindings) {
    for (const { subscription } of bindings) {
      const names = destinations.get(subscription.name) ?? new Set();
      destinations.set(subscription.name, names.add(destination));
    }
  }
  return destinations;
}

function reportUnknown(ledger: Ledger, findings: Findings, message: Message): void {
  const detail = `never published in run ${ledger.run}`;
  const first = message.deliveries[0];
  if (first !== undefined) report(findings, 'phantom', first, detail);
  const letter = message.deadLetters?.[0];
  if (first !== undefined || letter === undefined) return;
  findings.add({
    class: 'phantom',
    means: 'invalid',
    message: message.id,
    subscription: letter.subscription.name,
    detail,
    ordinals: [letter.ordinal],
  });
}

function reportAborted(findings: Findings, message: Message): void {
  const first = message.deliveries[0];
  if (first !== undefined)
    report(findings, 'aborted-read', first, `${message.fails} of ${message.invokes} publishes failed for certain`);
}

function judgePlace(
  findings: Findings,
  delivery: Delivery,
  destinations: ReadonlySet<string> | undefined,
  stray: string | undefined,
): void {
  const { message, subscription } = delivery;
  if (stray !== undefined)
    report(findings, 'phantom', delivery, `came through ${stray}, published to ${message.destination}`);
  else if (message.expect !== undefined) {
    if (!message.expect.includes(subscription.name))
      report(findings, 'phantom', delivery, `published for ${message.expect.join(', ') || 'nobody'} only`);
  } else if (destinations !== undefined && !destinations.has(message.destination)) {
    report(
      findings,
      'phantom',
      delivery,
      `published to ${message.destination}, which ${subscription.name} does not subscribe to`,
    );
  }
}

function judgeDeadLetters(findings: Findings, message: Message): void {
  for (const { subscription, ordinal, body } of message.deadLetters ?? []) {
    if (body === undefined || message.body === undefined || body === message.body) continue;
    findings.add({
      class: 'corrupted',
      means: 'invalid',
      message: message.id,
      subscription: subscription.name,
      detail: `dead letter with body ${body}, published as ${message.body}`,
      ordinals: [...publishOrdinals(message), ordinal],
    });
  }
}

function report(findings: Findings, anomaly: AnomalyClass, delivery: Delivery, detail: string): void {
  const { message, subscription } = delivery;
  const ordinals = [...publishOrdinals(message), message.failOrdinal, delivery.ordinal];
  findings.add({
    class: anomaly,
    means: 'invalid',
    message: message.id,
    subscription: subscription.name,
    detail,
    ordinals,
  });
}
