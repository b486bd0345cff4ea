import type { Capabilities } from '@waybill/core/driver';
import type { Answer } from '../asked.ts';
import type { Group } from '../case.ts';
import type { Result } from '../result.ts';
import type { State } from '../states.ts';

/** What was proven of one driver on one broker. Plain data. */
export interface Certificate {
  readonly suite: { readonly name: string; readonly version: string };
  /** Version of the driver contract. */
  readonly contract: number;
  readonly adapter: { readonly name: string; readonly package?: string; readonly version?: string };
  readonly broker: {
    readonly target: string;
    readonly version: string;
    readonly durable: string;
    readonly note: string;
  };
  readonly run: {
    readonly profile: 'quick' | 'full';
    /** Only these ids and groups were run. Absent: all of the profile. */
    readonly chosen?: readonly string[];
    readonly seed: number;
    /** ISO 8601. */
    readonly startedAt: string;
    readonly durationMs: number;
    readonly node: string;
  };
  readonly capabilities: Capabilities;
  /** What can be asked for, and who does it. */
  readonly answers: readonly Answer[];
  /** Every value of the manifest and what speaks for it. */
  readonly proofs: readonly Proof[];
  readonly counts: Counts;
  readonly byGroup: Readonly<Partial<Record<Group, Counts>>>;
  readonly cases: readonly Result[];
}

export type Counts = Readonly<Record<State, number>>;

export interface Proof {
  /** `queue.priority=native`. */
  readonly word: string;
  /** `open`: no case that could prove it was part of this run. */
  readonly state: 'proven' | 'failed' | 'open';
  readonly by: readonly string[];
}
