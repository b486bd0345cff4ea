import type { FaultBegin, Header, HistoryEvent, ProcessExit, PublishInvoke, SubscribeReady } from './event.ts';
import {
  recordCommit,
  recordConnection,
  recordDeliver,
  recordHandled,
  recordLane,
  recordSettle,
  recordSettled,
  recordSubscribeEnd,
} from './intake-consumer.ts';
import {
  addOrphan,
  consumerName,
  holderNamed,
  messageNamed,
  subscriptionNamed,
  type Holder,
  type Ledger,
} from './ledger.ts';

/** Enters one event into the ledger. Events of one process come in their order; across processes nothing is assumed. */
export function record(ledger: Ledger, event: HistoryEvent): void {
  const ordinal = ledger.tally.events;
  ledger.tally.events += 1;
  const holder = holderNamed(ledger, event.process);
  holder.lastAt = Math.max(holder.lastAt, event.at);
  ledger.firstAt = Math.min(ledger.firstAt, event.at);
  ledger.lastAt = Math.max(ledger.lastAt, event.at);
  dispatch(ledger, holder, event, ordinal);
}

function dispatch(ledger: Ledger, holder: Holder, event: HistoryEvent, ordinal: number): void {
  switch (event.type) {
    case 'header':
      return recordHeader(ledger, holder, event);
    case 'publish.invoke':
      return recordInvoke(ledger, holder, event, event.at, ordinal);
    case 'publish.ok':
    case 'publish.fail':
    case 'publish.unknown':
      return recordOutcome(ledger, event, event.at, ordinal);
    case 'deliver':
      return recordDeliver(ledger, holder, event, event.at, ordinal);
    case 'handled':
      return recordHandled(ledger, holder, event, event.at, ordinal);
    case 'settle.invoke':
      return recordSettle(ledger, holder, event, event.at, ordinal);
    case 'settle.ok':
    case 'settle.lost':
    case 'settle.failed':
      return recordSettled(ledger, holder, event, event.at, ordinal);
    case 'commit':
      return recordCommit(ledger, holder, event, event.at, ordinal);
    case 'subscribe.ready':
      return recordReady(ledger, holder, event, event.at, ordinal);
    case 'subscribe.end':
      return recordSubscribeEnd(ledger, holder, event, event.at, ordinal);
    case 'assign':
    case 'revoke':
      return recordLane(ledger, holder, event, event.at);
    case 'connection.up':
    case 'connection.down':
    case 'connection.blocked':
      return recordConnection(ledger, holder, event, event.at);
    case 'fault.begin':
      return recordFault(ledger, event, event.at);
    case 'fault.confirmed':
    case 'fault.healed':
      return recordFaultNews(ledger, event, event.at);
    case 'dead-letter.read':
      return recordDeadLetter(ledger, event, ordinal);
    case 'drain.begin':
      return undefined;
    case 'drain.end':
      return recordDrain(ledger, event, event.at, ordinal);
    case 'process.exit':
      return recordExit(ledger, event, event.at);
    default:
      return event satisfies never;
  }
}

function recordHeader(ledger: Ledger, holder: Holder, event: Header): void {
  holder.uncertaintyMs = event.uncertaintyMs;
  if (ledger.run === '') ledger.run = event.run;
}

function recordInvoke(ledger: Ledger, holder: Holder, event: PublishInvoke, at: number, ordinal: number): void {
  const message = messageNamed(ledger, event.message);
  message.invokes += 1;
  if (event.expiresAfterMs !== undefined) message.expiresAt = at + event.expiresAfterMs;
  if (message.invokes > 1) return;
  message.destination = event.destination;
  message.key = event.key;
  message.producer = event.producer ?? holder.name;
  message.sender = holder;
  message.invokeAt = at;
  message.invokeOrdinal = ordinal;
  message.body = event.body;
  message.headers = event.headers;
  message.expect = event.expect;
  for (const name of event.expect ?? []) subscriptionNamed(ledger, name);
  const name = groupName(ledger.claim.order, event, message.producer);
  if (name === undefined) return;
  const group = ledger.groups.get(name);
  if (group === undefined) ledger.groups.set(name, [message]);
  else group.push(message);
}

/** Messages of one group have an order. A message without key has none under `key`. */
function groupName(order: 'none' | 'key' | 'total', event: PublishInvoke, producer: string): string | undefined {
  if (order === 'none') return undefined;
  if (order === 'total') return event.destination;
  return event.key === undefined ? undefined : `${event.destination}\0${producer}\0${event.key}`;
}

type Outcome = Extract<HistoryEvent, { type: `publish.${'ok' | 'fail' | 'unknown'}` }>;

function recordOutcome(ledger: Ledger, event: Outcome, at: number, ordinal: number): void {
  const message = messageNamed(ledger, event.message);
  if (message.invokes === 0)
    addOrphan(ledger, `${event.type} of message ${event.message}, which has no publish.invoke before it`);
  if (event.type === 'publish.fail') {
    message.fails += 1;
    message.failOrdinal = ordinal;
    return;
  }
  message.extraSends += (event.sends ?? 1) - 1;
  if (event.type === 'publish.unknown') {
    message.unknowns += 1;
    return;
  }
  message.oks += 1;
  if (message.oks > 1) return;
  message.okAt = at;
  message.okOrdinal = ordinal;
}

function recordReady(ledger: Ledger, holder: Holder, event: SubscribeReady, at: number, ordinal: number): void {
  const subscription = subscriptionNamed(ledger, event.subscription);
  subscription.isReady = true;
  if (subscription.consumers.size === 0) {
    subscription.lastProgressAt = at;
    subscription.lastProgressOrdinal = ordinal;
  }
  subscription.consumers.add(consumerName(holder, event.consumer));
  const owedAfter = event.starts === 'now' ? at + holder.uncertaintyMs : -Infinity;
  const bindings = ledger.bindings.get(event.destination) ?? [];
  ledger.bindings.set(event.destination, bindings);
  const known = bindings.find((binding) => binding.subscription === subscription);
  if (known === undefined) bindings.push({ subscription, owedAfter });
  else known.owedAfter = Math.min(known.owedAfter, owedAfter);
}

function recordFault(ledger: Ledger, event: FaultBegin, at: number): void {
  const { fault, kind, scope, target, disconnects = true } = event;
  const entry = { fault, kind, scope, target, disconnects, from: at, to: Infinity, evidence: [], isConfirmed: false };
  if (ledger.faults.has(fault)) addOrphan(ledger, `fault ${fault} begins twice; each needs its own id`);
  ledger.faults.set(fault, ledger.faultSpans.add(entry));
  if (disconnects) ledger.disturbances.add(entry);
}

type FaultNews = Extract<HistoryEvent, { type: 'fault.confirmed' | 'fault.healed' }>;

function recordFaultNews(ledger: Ledger, event: FaultNews, at: number): void {
  const fault = ledger.faults.get(event.fault);
  if (fault === undefined) return addOrphan(ledger, `${event.type} of fault ${event.fault}, which has no fault.begin`);
  if (event.evidence !== undefined) fault.evidence.push(event.evidence);
  if (event.type === 'fault.confirmed') fault.isConfirmed = true;
  else fault.to = at;
}

type DeadLetterEvent = Extract<HistoryEvent, { type: 'dead-letter.read' }>;

function recordDeadLetter(ledger: Ledger, event: DeadLetterEvent, ordinal: number): void {
  const message = messageNamed(ledger, event.message);
  ledger.tally.deadLetters += 1;
  message.deadLetters ??= [];
  message.deadLetters.push({
    subscription: subscriptionNamed(ledger, event.subscription),
    ordinal,
    reason: event.reason,
    attempts: event.attempts,
    body: event.body,
  });
}

type DrainEvent = Extract<HistoryEvent, { type: 'drain.end' }>;

function recordDrain(ledger: Ledger, event: DrainEvent, at: number, ordinal: number): void {
  const drain = { at, ordinal, depth: event.depth };
  if (event.subscription === undefined) ledger.drain = drain;
  else subscriptionNamed(ledger, event.subscription).drain = drain;
}

function recordExit(ledger: Ledger, event: ProcessExit, at: number): void {
  const exited = holderNamed(ledger, event.exited);
  exited.exitedAt = Math.min(exited.exitedAt, at);
  for (const down of exited.down.values()) down.to = at;
  exited.down.clear();
  ledger.disturbances.add({ from: Math.min(exited.lastAt, at), to: at });
}
