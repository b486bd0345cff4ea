/** What happens inside a bus, for logs, metrics and tests. Rare by nature: per-message figures are in `waybill:handled`. */
export type BusEvent =
  | {
      readonly type: 'link';
      readonly broker: string;
      readonly state: LinkState;
      readonly generation: number;
      readonly cause?: unknown;
    }
  | {
      readonly type: 'consumer';
      readonly broker: string;
      readonly source: string;
      readonly state: 'live' | 'waiting' | 'closed';
      readonly cause?: unknown;
    }
  | {
      readonly type: 'delivery-lost';
      readonly broker: string;
      readonly source: string;
      readonly id: string | undefined;
    }
  | {
      readonly type: 'retry';
      readonly broker: string;
      readonly source: string;
      readonly id: string | undefined;
      readonly attempt: number;
      readonly delayMs: number;
      readonly via: string;
      readonly error: unknown;
    }
  | {
      readonly type: 'dead-letter';
      readonly broker: string;
      readonly source: string;
      readonly id: string | undefined;
      readonly reason: string;
      readonly error?: unknown;
    }
  /** A copy (retry or dead letter) could not be stored: the original is kept, and the copy tried again. */
  | {
      readonly type: 'held';
      readonly broker: string;
      readonly source: string;
      readonly id: string | undefined;
      readonly target: string;
      readonly error: unknown;
    }
  | {
      readonly type: 'dropped';
      readonly broker: string;
      readonly source: string;
      readonly id: string | undefined;
      readonly reason: string;
      readonly error?: unknown;
    };
export type LinkState = 'connecting' | 'live' | 'blocked' | 'down' | 'closed';

/** One handler run, published on the diagnostics channel `waybill:handled` while anybody subscribes to it. */
export interface Handled {
  readonly broker: string;
  readonly source: string;
  readonly id: string | undefined;
  readonly attempt: number;
  readonly durationMs: number;
  readonly error?: unknown;
}
