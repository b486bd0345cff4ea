/** Which way the bytes go that a fault concerns. */
export type Direction = 'toServer' | 'toClient' | 'both';
export type Way = Exclude<Direction, 'both'>;

/**
 * What the proxy does to traffic. A lasting fault holds for living and new connections until another fault of
 * the same direction, or `heal`, replaces it; `reset` and `end` happen once, to the living ones.
 */
export type Fault = LastingFault | MomentaryFault | { readonly kind: 'refuse' };

export type LastingFault =
  /** Every byte arrives `ms` later; how many are under way is not limited, their order is kept. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Nothing arrives and nothing closes, not even when the other end does; kept bytes arrive after `heal`. */
  | { readonly kind: 'stall' }
  /** As `stall`, but bytes are lost: a connection that lost some is reset by `heal`. */
  | { readonly kind: 'drop' }
  | { readonly kind: 'limit'; readonly bytesPerSecond: number }
  /** Arrives in pieces of at most this many bytes, each written by itself. */
  | { readonly kind: 'slice'; readonly bytes: number }
  /** After this many further bytes (counted anew for each connection), cuts the connection both ways. */
  | { readonly kind: 'truncate'; readonly afterBytes: number; readonly by?: 'end' | 'reset' };

export type MomentaryFault =
  /** RST to the end that the direction names, or to both. One end alone leaves the other half-open. */
  | { readonly kind: 'reset' }
  /** FIN to the end that the direction names, or to both. */
  | { readonly kind: 'end' };

/** The next thing to do with the bytes at the head of a queue. */
export type Step =
  | { readonly do: 'forward'; readonly bytes: number; readonly thenPauseMs: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'discard' }
  | { readonly do: 'cut'; readonly by: 'end' | 'reset' };

export interface Head {
  readonly bytes: number;
  readonly ageMs: number;
  /** Forwarded since the fault began, or since the connection did. */
  readonly forwardedUnderFault: number;
}

const forEver = Number.POSITIVE_INFINITY;

export function nextStep(fault: LastingFault | undefined, head: Head): Step {
  if (fault === undefined) return forward(head.bytes);
  switch (fault.kind) {
    case 'delay':
      return head.ageMs >= fault.ms ? forward(head.bytes) : { do: 'wait', ms: fault.ms - head.ageMs };
    case 'stall':
      return { do: 'wait', ms: forEver };
    case 'drop':
      return { do: 'discard' };
    case 'limit':
      return limited(fault.bytesPerSecond, head.bytes);
    case 'slice':
      return forward(Math.min(fault.bytes, head.bytes));
    case 'truncate':
      return truncated(fault.afterBytes - head.forwardedUnderFault, fault.by ?? 'end', head.bytes);
    default:
      return fault satisfies never;
  }
}

function forward(bytes: number, thenPauseMs = 0): Step {
  return { do: 'forward', bytes, thenPauseMs };
}

/** A hundredth of a second's worth at a time, so that short measurements see the limit too. */
function limited(bytesPerSecond: number, available: number): Step {
  const bytes = Math.min(available, Math.max(1, Math.floor(bytesPerSecond / 100)));
  return forward(bytes, (bytes / bytesPerSecond) * 1_000);
}

function truncated(left: number, by: 'end' | 'reset', available: number): Step {
  return left > 0 ? forward(Math.min(left, available)) : { do: 'cut', by };
}
