import type { HistoryEvent } from './event.ts';

/** What a history can show that a claim forbids; `unseen` alone is only a doubt. */
export const ANOMALIES = {
  lost: 'confirmed, and neither handled nor given up, though nothing is left to come',
  unseen: 'confirmed and never handled, which cannot be proved to be a loss',
  'acked-unhandled': 'accepted before a handler completed it',
  duplicated: 'delivered again, and nothing in the history explains it',
  reordered: 'a later message of the order started before an earlier one was done',
  resurrected: 'delivered again after its settlement took effect',
  'premature-redelivery': 'delivered again inside the lease of a living, connected holder',
  'concurrent-delivery': 'two handlers were open for one message',
  phantom: 'delivered, but not published in this run to this subscription',
  'aborted-read': 'delivered, though every publish of it certainly failed',
  corrupted: 'delivered with other contents than published',
  'wrong-count': 'the reported attempt or redelivery is not what happened',
  'double-fate': 'accepted and dead-lettered, or delivered after it expired',
  stuck: 'messages waited, no fault was on, and nothing moved',
  overlap: 'handlers of one key, or of a total order, ran at the same time',
} as const;

export type AnomalyClass = keyof typeof ANOMALIES;

/** Why a delivery came again, from the deliveries that it followed. */
export const EXPLANATIONS = {
  'handler-error': 'its handler failed',
  release: 'it was given back',
  'consumer-death': 'its process died',
  'consumer-close': 'its consumer was closed',
  'connection-down': 'its connection was lost',
  fault: 'a fault was on that costs connections',
  'lost-settle': 'its settlement did not take effect',
  'unknown-settle': 'its settlement never got an answer',
  'acceptance-undone': 'its settlement was undone by a loss that the claim allows',
  'lease-end': 'its lease ran out',
  rebalance: 'its lane was taken away',
  'late-start': 'it was handed out before its consumer lost it or stood still, and started when another had had it',
  'unknown-publish': 'its publish got no answer and may have been stored twice',
  'repeated-publish': 'it was published more than once',
} as const;

export type Explanation = keyof typeof EXPLANATIONS;

export interface Anomaly {
  readonly class: AnomalyClass;
  /** `invalid`: breaks the claim. `unknown`: leaves it open. `warning`: the claim tolerates it. */
  readonly means: 'invalid' | 'unknown' | 'warning';
  readonly message: string | undefined;
  readonly subscription: string | undefined;
  /** One sentence with the figures. */
  readonly detail: string;
  /** The events that show it, in order; at most ten. */
  readonly witness: readonly HistoryEvent[];
}

export interface Counts {
  readonly events: number;
  readonly messages: number;
  readonly published: { readonly ok: number; readonly failed: number; readonly unknown: number };
  readonly deliveries: number;
  readonly handled: { readonly ok: number; readonly error: number };
  readonly deadLetters: number;
  /** Ran out of their time to live, as declared. */
  readonly expired: number;
  /** Lost where at-most-once allows it. */
  readonly dropped: number;
  /** Published with an unknown outcome: how many were seen, how many not. Both are right. */
  readonly unknownSeen: number;
  readonly unknownUnseen: number;
  readonly explained: Readonly<Partial<Record<Explanation, number>>>;
  /** All of them, also where `anomalies` was cut. */
  readonly anomalies: Readonly<Partial<Record<AnomalyClass, number>>>;
}

export interface FaultRecord {
  readonly fault: string;
  readonly kind: string;
  readonly scope: string;
  readonly target: string | undefined;
  readonly beganAt: number;
  readonly healedAt: number | undefined;
  readonly evidence: readonly string[];
}

export interface Verdict {
  /** `unknown` is no pass: the run proves nothing, and may be repeated. `invalid` is final. */
  readonly outcome: 'valid' | 'invalid' | 'unknown';
  /** Why the run proves nothing; may be there beside `invalid`. */
  readonly doubts: readonly string[];
  /** At most `witnesses` of each class (see `check`). */
  readonly anomalies: readonly Anomaly[];
  readonly counts: Counts;
  readonly faults: readonly FaultRecord[];
  readonly run: string;
  /** The first event, on the parent's clock. */
  readonly beganAt: number;
  /** Milliseconds from the first event to the last. */
  readonly spanMs: number;
  readonly processes: readonly { readonly process: string; readonly uncertaintyMs: number; readonly isTorn: boolean }[];
}
