import type { Argument, Connection } from './connection.ts';
import type { Keys } from './names.ts';
import type { Reader } from './reader.ts';
import { type Entry, QueueMessage, type Receipt } from './records.ts';
import type { Script } from './scripts.ts';

/** Where a receiver's messages come from, and how they go back: from a place that all share, or that has one owner. */
export interface Feed {
  /** What has to be known before the first round; what is wrong is told by that. */
  open(): Promise<void>;
  /** One round: what came, at most `limit`, or nothing so far. Rejects when there is nothing to read from any more. */
  next(limit: number, signal: AbortSignal): Promise<QueueMessage[]>;
  /** Whether it was still ours. */
  giveBack(receipt: Receipt, delayMs: number, failed: boolean): Promise<boolean>;
  /** Deliveries were extended: what the place as a whole is held by is, too. */
  extended(): Promise<void>;
  /** Gives back all that is held, as soon as nothing more comes. */
  leave(): Promise<void>;
  /** No more rounds: only `leave` may follow. */
  stop(): void;
}

/** What a receiver reads, and how. */
export interface Reading {
  readonly keys: Keys;
  readonly bodyField: string | undefined;
  /** A blocking read ends after so long. */
  readonly pollMs: number;
  /** Keys that expire when this receiver no longer looks after them; 0: they stay. */
  readonly ttlMs: number;
  /** Says goodbye to the topic of a subscription that goes with its receiver. */
  readonly part?: () => Promise<unknown>;
  /** Consumers of this process whose links were lost: nobody else works for them. Emptied as they are taken over. */
  readonly gone: Set<string>;
}

/** A receiver as its feed sees it. */
export interface Consumer {
  /** In its group. */
  readonly name: string;
  readonly leaseMs: number;
  readonly reader: Reader;
  readonly commands: Connection;
  readonly reading: Reading;
}

/** By the connection that settles. */
export function runFor({ commands, reading }: Consumer, script: Script, args: readonly Argument[]): Promise<unknown> {
  return commands.run(script, [reading.keys.stream, reading.keys.side], args);
}

/** Entries with their counts, as scripts answer them. */
export type Counted = readonly (readonly [id: Buffer, fields: readonly Buffer[], count: number])[];

export const messagesOf = ({ reading }: Consumer, counted: Counted): QueueMessage[] =>
  counted.map(([id, fields, count]) => messageOf(reading, { id: id.toString('latin1'), fields }, count));

export const messageOf = ({ bodyField }: Reading, entry: Entry, count: number): QueueMessage =>
  new QueueMessage(entry, count, bodyField);
