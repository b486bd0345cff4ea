/** What the system under test promised, and what the run must contain to say anything about it. */
export interface Claim {
  readonly delivery: 'at-most-once' | 'at-least-once';
  /** `key`: messages of one key and producer, in the order of their publishing. `total`: all messages of a destination. */
  readonly order: 'none' | 'key' | 'total';
  /**
   * What happens to the order when a message comes again. `block`: nothing later starts before it is done. `rewind`:
   * everything from it on comes again, without a hole. `skip`: it may come later.
   * @default 'block'
   */
  readonly onRedelivery?: 'block' | 'rewind' | 'skip';
  /** `awaited`: a message is later than those confirmed before it was published. `called`: than those published before. @default 'awaited' */
  readonly sendOrder?: 'awaited' | 'called';
  /** `read`: dead letters are in the history. `discarded`: giving up is a fate of its own. `none`: nothing is given up. @default 'none' */
  readonly deadLetter?: 'read' | 'discarded' | 'none';
  /** Handlings that fail before a message is given up. @default not judged */
  readonly maxAttempts?: number;
  /**
   * How a retry comes about. `release`: the delivery is given back, and the broker counts it. `copy`: a copy is stored
   * and the original accepted. `held`: it is kept and run again in place, so whoever loses it forgets these runs.
   * @default 'release'
   */
  readonly retry?: 'release' | 'copy' | 'held';
  /**
   * `retry: 'copy'`: how many places a message goes through until it is handed out again, that of the copy included: 1
   * where the copy goes straight back, 2 by way of a delay queue. Each acceptance on the way may be lost after the next
   * copy was stored, and leaves one delivery more.
   * @default 1
   */
  readonly copies?: number;
  /**
   * What a settlement that took effect survives. `sent`: it is on its way, and a lost connection may undo it (AMQP).
   * `confirmed`: the broker answered; only a broker that dies may forget. `durable`: nothing undoes it.
   * @default 'confirmed'
   */
  readonly acceptance?: 'sent' | 'confirmed' | 'durable';
  /**
   * How soon after a settlement the loss must come that undid it, in milliseconds; after the end of the handler where
   * no settlement is recorded.
   * @default 1000
   */
  readonly acceptanceWithinMs?: number;
  /** The broker stores one copy however often a message is sent. @default false */
  readonly dedup?: boolean;
  /** The library sends again by itself when a confirm did not come, without saying so in `sends`. @default false */
  readonly resend?: boolean;
  /** At-most-once without any fault loses nothing, unless messages may be dropped. @default false */
  readonly mayDrop?: boolean;
  /** No progress for this long, while messages wait and no fault is on, is `stuck`. More than the longest handler and backoff. @default 30000 */
  readonly progressWithinMs?: number;
  /** How much later than the broker a client may notice a lost connection, or a parent a dead child, in milliseconds. @default 250 */
  readonly slackMs?: number;
  /** A duplicate that nothing explains, in a history with faults. @default 'fail' */
  readonly unexplained?: 'fail' | 'warn';
  /** Less than this is no evidence. @default 1 each, no fault */
  readonly minimum?: { readonly published?: number; readonly handled?: number; readonly faults?: number };
}

/** A claim with its defaults filled in. */
export interface FullClaim extends Required<Omit<Claim, 'maxAttempts' | 'minimum'>> {
  readonly maxAttempts: number | undefined;
  readonly minimum: { readonly published: number; readonly handled: number; readonly faults: number };
}

export function completeClaim(claim: Claim): FullClaim {
  return {
    onRedelivery: 'block',
    sendOrder: 'awaited',
    deadLetter: 'none',
    retry: 'release',
    copies: 1,
    acceptance: 'confirmed',
    acceptanceWithinMs: 1_000,
    dedup: false,
    resend: false,
    mayDrop: false,
    progressWithinMs: 30_000,
    slackMs: 250,
    unexplained: 'fail',
    maxAttempts: undefined,
    ...claim,
    minimum: { published: 1, handled: 1, faults: 0, ...claim.minimum },
  };
}
