import type { Destination } from '../destination/destination.ts';
import type { LinkState } from '../observe/events.ts';
import type { Plan } from '../plan/plan.ts';
import type { Handle } from './handles.ts';

export type Destinations = Readonly<Record<string, Destination>>;

/** What every bus has beside its destinations. */
export interface BusControls extends AsyncDisposable {
  /** Every need and how it is met. */
  readonly plan: Plan;
  /** Of the connections, by driver name. */
  readonly state: Readonly<Record<string, LinkState>>;
  /** For names only known at run time: planned, refused or declared like the others, on the live connection. `on` names a route. */
  attach<D extends Destination>(destination: D, on?: { readonly like: string }): Promise<Handle<D>>;
  /** Resolves when every message sent so far has its outcome. */
  flush(): Promise<void>;
  /** One round trip to every broker; rejects when one does not answer. */
  ping(options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** The client library's own connection, for what Waybill does not do. It is another object after a reconnect. */
  native(destination: string): unknown;
  /** Consumers drain, sends get their outcome, connections end. Idempotent. */
  close(): Promise<void>;
}
export type Bus<T> = { readonly [Name in keyof T]: Handle<T[Name]> } & BusControls;
