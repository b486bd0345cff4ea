/** What a destination says about itself, wherever a driver meets it. */
export interface Place {
  /** As the user wrote it; escaping is the driver's. */
  readonly name: string;
  /** Brokers keep ordered places apart: a FIFO queue, a single active consumer. */
  readonly order: 'none' | 'key' | 'total';
  /** What the destination says under this driver's name. */
  readonly native?: unknown;
}

/** Where a message goes. */
export type Target =
  | ({ readonly kind: 'queue' | 'topic' | 'stream' } & Place)
  | { readonly kind: 'reply'; readonly name: string };

/** Where messages come from. */
export type Source =
  | ({ readonly kind: 'queue' } & Place)
  /** Without a subscription: for as long as the receiver lives, from now on. */
  | ({ readonly kind: 'topic'; readonly subscription?: string; readonly filter?: Filter } & Place)
  /** With a group the broker keeps the positions, and `from` only places a new group. */
  | ({ readonly kind: 'stream'; readonly group?: string; readonly from: From } & Place)
  | { readonly kind: 'reply' };

export interface Filter {
  /** Words split by `.`; `*` is one word, `#` any number. Only where `pattern` is declared. */
  readonly pattern?: string;
  /** All must be equal. Only where `filter` is declared. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Where to begin. `after` gives a position per lane id; a lane it does not name begins at `otherwise`. */
export type From = Start | { readonly after: Readonly<Record<string, string>>; readonly otherwise: Start };
export type Start = 'earliest' | 'latest' | { readonly timestamp: number };
