/** From the child: it is at a point. */
export interface Reached {
  readonly point: string;
  /** How many times the child has passed the point, this time included. */
  readonly passage: number;
  /** It waits there until it is released or killed. */
  readonly isHeld: boolean;
  /** What the child added (survives JSON). */
  readonly detail: unknown;
}

/** To the child. */
export type Order =
  | { readonly kind: 'hold'; readonly point: string; readonly passage: number }
  | { readonly kind: 'release'; readonly point: string };

/** Environment variable with the holds that are there from the start: JSON, point to passage. */
export const holdVariable = 'WAYBILL_TESTBED_HOLD';
