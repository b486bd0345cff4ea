import type { Filter, Place, Source } from './place.ts';

/** What must exist before a destination can be used. Made by core from destinations, carried out by `Link.declare`. */
export type Declaration = QueueDeclaration | TopicDeclaration | SubscriptionDeclaration | StreamDeclaration;

export interface QueueDeclaration extends Place {
  readonly kind: 'queue';
  readonly priority: boolean;
  readonly ttl: boolean;
  readonly delay: boolean;
  /** A net under core's own dead letters: where the broker puts what it gives up by itself. A queue's name. */
  readonly deadLetter?: string;
  /** A queue beside a destination (dead letters, delays): made if it is missing, and right however it is if it exists. */
  readonly ifMissing?: true;
  /** Only where `release` is `linear`: the times the broker keeps between failed attempts. */
  readonly retry?: RetrySchedule;
}
export interface TopicDeclaration extends Place {
  readonly kind: 'topic';
}
/** A durable subscription. Its name is that of the subscription; `order` and `native` are the topic's. */
export interface SubscriptionDeclaration extends Place {
  readonly kind: 'subscription';
  readonly topic: string;
  readonly filter?: Filter;
  /** As of a queue: the net for what the broker gives up by itself. */
  readonly deadLetter?: string;
}
export interface StreamDeclaration extends Place {
  readonly kind: 'stream';
  /** How long records are kept at least, in milliseconds. Absent: the broker's own rule. */
  readonly retentionMs?: number;
  readonly partitions?: number;
}

/** After failed attempt n: `firstMs × n`, at most `maxMs`. Milliseconds. */
export interface RetrySchedule {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** Something exists and is not what was declared, or does not exist and may not be made. */
export interface Mismatch {
  readonly declaration: Declaration;
  readonly property: string;
  readonly wanted: string;
  readonly found: string;
}

export interface Admin {
  /** With a stream's group, `ready` is its lag. */
  depth(source: Source): Promise<Depth>;
  purge?(source: Source): Promise<void>;
  remove?(declaration: Declaration): Promise<void>;
}

/** Numbers of messages the broker can tell; what it cannot tell is absent. */
export interface Depth {
  readonly ready?: number;
  readonly inFlight?: number;
  readonly delayed?: number;
}
