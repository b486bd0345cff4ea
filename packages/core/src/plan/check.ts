import type { Destination } from '../destination/destination.ts';
import type { Capabilities, ChannelCapabilities } from '../driver/capabilities.ts';
import type { Driver } from '../driver/link.ts';

/** Axes core can do itself; they only fail a check when wanted `'native'`. */
type Emulated = 'delay' | 'ttl' | 'deadLetter' | 'pattern' | 'filter';
type Rank = {
  'at-most-once': 0;
  'at-least-once': 1;
  none: 0;
  key: 1;
  total: 2;
  ends: 1;
  position: 2;
  timestamp: 3;
};
type Below = { 0: never; 1: 0; 2: 0 | 1; 3: 0 | 1 | 2 };
type Weaker<Has, Wants> = Has extends keyof Rank
  ? Wants extends keyof Rank
    ? Rank[Has] extends Below[Rank[Wants]]
      ? true
      : false
    : false
  : false;
type Ranked = 'delivery' | 'order' | 'seek';

/** The first need this channel cannot meet, as the end of a sentence; `never` if all are met. */
type Unmet<Channel, N, Atomic> = {
  [Need in keyof N & string]: N[Need] extends 'exactly-once'
    ? [Atomic, Word<Channel, 'style'>] extends ['position-and-send', 'position']
      ? never
      : 'cannot give exactly-once: it stores nothing together with a position; ask for at-least-once and make the handler idempotent'
    : Need extends Ranked
      ? Weaker<Word<Channel, Need>, N[Need]> extends true
        ? `cannot give ${Need}: "${N[Need] & string}"; the most it has is "${Word<Channel, Need> & string}"`
        : never
      : (Need extends 'deadLetter' ? 'none' : Word<Channel, Need>) extends 'none' | 'plain'
        ? N[Need] extends 'native'
          ? `has no native ${Need}; say ${Need}: true to let Waybill do it`
          : Need extends Emulated
            ? never
            : `has no ${Need}, and Waybill cannot stand in for it`
        : never;
}[keyof N & string];
type Word<Channel, Need extends string> = Need extends keyof Channel ? Channel[Need] : 'none';

type Problem<D, T> =
  D extends Driver<infer C>
    ? T extends Destination<infer K, infer _In, infer _Out, infer N>
      ? C[K] extends 'none'
        ? `${NameOf<D>} has no ${K}s; route this destination to another broker`
        : C[K] extends ChannelCapabilities
          ? `${NameOf<D>} ${Unmet<C[K], N, C['atomic']>}`
          : never
      : never
    : never;
type NameOf<D> = D extends { readonly name: infer Name extends string }
  ? string extends Name
    ? 'this broker'
    : Name
  : never;

/**
 * The destination as it is, or a sentence saying why this driver cannot carry it. A driver chosen at run time (by URL,
 * or typed plain `Driver`) passes: it is checked at start-up.
 */
export type Carried<D, T> = IsKnown<D> extends true ? ([Problem<D, T>] extends [never] ? T : Problem<D, T>) : T;
type IsKnown<D> = D extends Driver<infer C> ? (0 extends 1 & C ? false : Capabilities extends C ? false : true) : false;

/** An option that means something only where the destination asked for it; otherwise a sentence. */
export type Asked<N, Need extends string, Value> = N extends { readonly [_ in Need]: infer Wants }
  ? Wants extends true | 'native'
    ? Value
    : Unasked<Need>
  : Unasked<Need>;
type Unasked<Need extends string> = `add needs: { ${Need}: true } to this destination first`;
