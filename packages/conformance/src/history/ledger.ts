import type { FullClaim } from './claim.ts';
import type { SettlementKind } from './event.ts';
import { Spans, type Span } from './spans.ts';
import type { Explanation, FaultRecord } from './verdict.ts';

/*
 * What one walk over a history leaves in memory: a record for each message and each delivery, and the times at which
 * connections, consumers, lanes and brokers were lost. An `ordinal` is the place of an event in the walk; witnesses
 * are fetched by it in a second walk. Absent times are `Infinity`, absent ordinals -1: fixed shapes keep a million
 * events small.
 */

export interface Message {
  readonly id: string;
  /** Publishes begun; 0 while only seen as a delivery. */
  invokes: number;
  oks: number;
  fails: number;
  unknowns: number;
  /** Sends beyond the first that the library reported. */
  extraSends: number;
  destination: string;
  key: string | undefined;
  producer: string;
  sender: Holder | undefined;
  invokeAt: number;
  invokeOrdinal: number;
  okAt: number;
  okOrdinal: number;
  failOrdinal: number;
  expiresAt: number;
  body: string | undefined;
  headers: string | undefined;
  expect: readonly string[] | undefined;
  /** In the order of their start. */
  readonly deliveries: Delivery[];
  deadLetters: DeadLetter[] | undefined;
}

export interface DeadLetter {
  readonly subscription: Subscription;
  readonly ordinal: number;
  readonly reason: string | undefined;
  readonly attempts: number | undefined;
  readonly body: string | undefined;
}

export interface Delivery {
  readonly message: Message;
  readonly subscription: Subscription;
  readonly holder: Holder;
  readonly consumer: string | undefined;
  readonly lane: string | undefined;
  readonly at: number;
  readonly ordinal: number;
  readonly attempt: number | undefined;
  readonly redelivered: boolean | undefined;
  leaseEndsAt: number;
  endedAt: number;
  endOrdinal: number;
  /** How the handler ended. */
  ok: boolean | undefined;
  settlement: Exclude<SettlementKind, 'extend'> | undefined;
  settleOutcome: 'open' | 'ok' | 'lost' | 'failed' | undefined;
  /** Of the invoke, or of the outcome where that is all there is. */
  settleOrdinal: number;
  settleAt: number;
  /** When it took effect. */
  settledAt: number;
  settledOrdinal: number;
  /** Why it came, set by the rule for duplicates; absent for a first delivery and for one without explanation. */
  cause: Explanation | undefined;
  /** How many later deliveries it explains. */
  returns: number;
}

/** A process as the holder of deliveries. */
export interface Holder {
  readonly name: string;
  uncertaintyMs: number;
  lastAt: number;
  /** As its exit was noticed. */
  exitedAt: number;
  readonly breaks: Spans<Break>;
  /** By delivery id, as long as something may still be said about it. */
  readonly open: Map<number | string, Delivery>;
  /** By consumer: the connection that is down. */
  readonly down: Map<string | undefined, Break>;
  /** By subscription, lane and consumer: what was handed out and not yet committed. */
  readonly lanes: Map<string, LaneTrail>;
}

/** A loss of deliveries, of all of a process or of those that match what is given. */
export interface Break extends Span {
  readonly reason: Explanation;
  readonly consumer: string | undefined;
  readonly subscription?: string;
  readonly lane?: string;
}

export interface LaneTrail {
  entries: { readonly delivery: Delivery; readonly position: string }[];
  head: number;
}

export interface Subscription {
  readonly name: string;
  isReady: boolean;
  /** Some settlement of it was recorded; otherwise they are done out of sight. */
  hasSettlements: boolean;
  drain: Drain | undefined;
  lastProgressAt: number;
  lastProgressOrdinal: number;
  /** Who consumes, by process and consumer; only an end on purpose takes one away. */
  readonly consumers: Set<string>;
  /** Times without progress that are longer than the claim allows. */
  readonly gaps: Gap[];
}

export interface Gap {
  readonly from: number;
  readonly to: number;
  readonly fromOrdinal: number;
  readonly toOrdinal: number;
}

export interface Drain {
  readonly at: number;
  readonly ordinal: number;
  readonly depth: number | null;
}

/** A subscription of a destination. */
export interface Binding {
  readonly subscription: Subscription;
  /** What is published later is owed. */
  owedAfter: number;
}

export interface Fault extends Span, Omit<FaultRecord, 'beganAt' | 'healedAt' | 'evidence'> {
  readonly disconnects: boolean;
  readonly evidence: string[];
  isConfirmed: boolean;
}

export interface Ledger {
  readonly claim: FullClaim;
  readonly messages: Map<string, Message>;
  readonly holders: Map<string, Holder>;
  readonly subscriptions: Map<string, Subscription>;
  readonly bindings: Map<string, Binding[]>;
  /** Messages in the order of their publishing, where the claim orders them. */
  readonly groups: Map<string, Message[]>;
  readonly faults: Map<string, Fault>;
  readonly faultSpans: Spans<Fault>;
  /** Everything that may cost somebody a delivery. */
  readonly disturbances: Spans<Span>;
  drain: Drain | undefined;
  /** Deliveries whose message was not known yet: clocks differ a little. */
  readonly early: { readonly delivery: Delivery; readonly event: Contents }[];
  /** Events about something that the history does not have. */
  readonly orphans: { count: number; first: string | undefined };
  /** Came through another destination than they were published to. */
  readonly strays: { readonly delivery: Delivery; readonly destination: string }[];
  readonly corrupted: { readonly delivery: Delivery; readonly what: string }[];
  readonly tally: { events: number; deliveries: number; ok: number; error: number; deadLetters: number };
  readonly explained: Partial<Record<Explanation, number>>;
  run: string;
  firstAt: number;
  lastAt: number;
}

/** What a delivery says about the message that it carries. */
export interface Contents {
  readonly message: string;
  readonly headerMessage?: string | undefined;
  readonly destination?: string | undefined;
  readonly key?: string | undefined;
  readonly body?: string | undefined;
  readonly headers?: string | undefined;
}

export function createLedger(claim: FullClaim): Ledger {
  return {
    claim,
    messages: new Map(),
    holders: new Map(),
    subscriptions: new Map(),
    bindings: new Map(),
    groups: new Map(),
    faults: new Map(),
    faultSpans: new Spans(),
    disturbances: new Spans(),
    drain: undefined,
    early: [],
    orphans: { count: 0, first: undefined },
    strays: [],
    corrupted: [],
    tally: { events: 0, deliveries: 0, ok: 0, error: 0, deadLetters: 0 },
    explained: {},
    run: '',
    firstAt: Infinity,
    lastAt: -Infinity,
  };
}

export function holderNamed(ledger: Ledger, name: string): Holder {
  let holder = ledger.holders.get(name);
  if (holder === undefined) {
    holder = {
      name,
      uncertaintyMs: 0,
      lastAt: -Infinity,
      exitedAt: Infinity,
      breaks: new Spans(),
      open: new Map(),
      down: new Map(),
      lanes: new Map(),
    };
    ledger.holders.set(name, holder);
  }
  return holder;
}

export function subscriptionNamed(ledger: Ledger, name: string): Subscription {
  let subscription = ledger.subscriptions.get(name);
  if (subscription === undefined) {
    subscription = {
      name,
      isReady: false,
      hasSettlements: false,
      drain: undefined,
      lastProgressAt: Infinity,
      lastProgressOrdinal: -1,
      consumers: new Set(),
      gaps: [],
    };
    ledger.subscriptions.set(name, subscription);
  }
  return subscription;
}

export function messageNamed(ledger: Ledger, id: string): Message {
  let message = ledger.messages.get(id);
  if (message === undefined) {
    message = {
      id,
      invokes: 0,
      oks: 0,
      fails: 0,
      unknowns: 0,
      extraSends: 0,
      destination: '',
      key: undefined,
      producer: '',
      sender: undefined,
      invokeAt: Infinity,
      invokeOrdinal: -1,
      okAt: Infinity,
      okOrdinal: -1,
      failOrdinal: -1,
      expiresAt: Infinity,
      body: undefined,
      headers: undefined,
      expect: undefined,
      deliveries: [],
      deadLetters: undefined,
    };
    ledger.messages.set(id, message);
  }
  return message;
}

export function addOrphan(ledger: Ledger, what: string): void {
  ledger.orphans.count += 1;
  ledger.orphans.first ??= what;
}

export function consumerName(holder: Holder, consumer: string | undefined): string {
  return `${holder.name}\0${consumer ?? ''}`;
}

/** How far apart the clocks of two processes may be; inside one process they are one clock. */
export function clockError(left: Holder | undefined, right: Holder | undefined): number {
  return left === right ? 0 : (left?.uncertaintyMs ?? 0) + (right?.uncertaintyMs ?? 0);
}
