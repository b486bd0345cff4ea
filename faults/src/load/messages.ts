import type { BrokerName } from '../brokers/names.ts';
import type { DeathPoint } from './consumer.ts';
import type { Place } from './destinations.ts';

/** Sends wait this long for an outcome, in milliseconds, through outages. */
export const sendTimeoutMs = 30_000;

/** What a parent gives a child on its command line, as JSON. */
export interface ChildSetup {
  readonly role: 'producer' | 'consumer';
  /** Unique in the run. */
  readonly name: string;
  readonly run: string;
  /** Of the history. */
  readonly directory: string;
  readonly broker: BrokerName;
  readonly url: string;
  /** What the broker carries. */
  readonly places: readonly Place[];
  /** By the port of a server, that of the proxy before it. */
  readonly ports: Readonly<Record<string, number>>;
  readonly heartbeatMs: number;
  readonly seed: number;
  /** Producers: how many to send. */
  readonly messages: number;
  /** Consumers: the name of their stream reader, and where it keeps its positions. */
  readonly reader: string;
  readonly positionsFile: string;
}

/** From the parent. */
export type Order =
  | { readonly order: 'grant'; readonly upTo: number }
  | { readonly order: 'die'; readonly at: DeathPoint }
  | { readonly order: 'stop' };

/** From the child. */
export type Report =
  | { readonly report: 'ready' }
  | { readonly report: 'link'; readonly state: 'live' | 'down' }
  | { readonly report: 'live'; readonly subscription: string }
  | { readonly report: 'progress'; readonly begun: number; readonly concluded: number };
