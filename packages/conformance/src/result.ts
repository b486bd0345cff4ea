import type { Case, Group } from './case.ts';
import type { State } from './states.ts';

/** One case on one broker, once. Plain data. */
export interface Result {
  readonly id: string;
  readonly group: Group;
  readonly title: string;
  readonly priority: 0 | 1 | 2;
  readonly kind: Case['kind'];
  readonly state: State;
  /** Why, for every state but `pass`. One sentence. */
  readonly reason?: string;
  readonly durationMs: number;
  readonly assertions: number;
  readonly traffic: { readonly connects: number; readonly sent: number; readonly received: number };
  readonly evidence: Readonly<Record<string, string | number | boolean>>;
  /** Of a failure. */
  readonly stack?: string;
}
