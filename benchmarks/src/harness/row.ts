import type { Assignment, SequenceFaults } from '../arms/shared/measured.ts';
import type { Metric } from './figures.ts';

/** One program with its settings, as it appears in a table. */
export interface Arm {
  readonly name: string;
  readonly program: string;
  readonly settings: Assignment['settings'];
  /** Where the two arms of a row need different numbers of messages. Default: the row's. */
  readonly messages?: number;
}

/** What must hold for a row to be called met. */
export type Gate = {
  readonly metric: Metric;
  readonly atLeast?: number;
  readonly atMost?: number;
} & (
  | { readonly of: 'ratio' }
  /** The figure of the second arm itself. */
  | { readonly of: 'figure' }
  /** Met too when the second arm's figure is at most this much above the first one's. */
  | { readonly of: 'ratio or difference'; readonly differenceAtMost: number }
);

/**
 * One comparison. Ratios are the second arm's figure by the first one's. A row with one arm measures that arm alone.
 */
export interface Row {
  readonly id: string;
  readonly title: string;
  /** Number of the project's performance target, if it is one. */
  readonly target?: number;
  readonly arms: readonly [Arm] | readonly [Arm, Arm];
  readonly messages: number;
  readonly warmUp: number;
  /** Both arms run at once, and in turns, so many each. Default: one after the other. */
  readonly turns?: number;
  /** Where a run takes long. Default: as many as the session has. */
  readonly mostPairs?: number;
  readonly metrics: readonly Metric[];
  readonly gates: readonly Gate[];
  /** What is equal for both arms, and what a reader has to know. */
  readonly notes: readonly string[];
  /** Raw against raw: what is seen here is noise. */
  readonly isControl?: boolean;
  /** Before the broker's side of a pair is made, or of a run where they come one after the other. */
  readonly prepare?: () => Promise<void>;
  /** The broker's side of one run. Default: none. */
  readonly field?: (arm: Arm, row: Row) => Promise<Field>;
}

/** What one run finds at the broker, made for it and removed after it. */
export interface Field {
  readonly settings: Assignment['settings'];
  /** Looks at what the run left behind, where the run itself cannot know. */
  faults?(): Promise<SequenceFaults>;
  remove(): Promise<void>;
}

/** Long enough to go on at full speed, short enough for the machine to be the same in both turns: a tenth of a second and more. */
const messagesInATurn = 5_000;
export const turnsOf = (messages: number): number => Math.max(1, Math.round(messages / messagesInATurn));
