import type { Kind, Needs } from '@waybill/core';
import type { Capabilities } from '@waybill/core/driver';
import type { Context } from './context.ts';
import type { Profile } from './target.ts';

export const groups = {
  Q: 'queues',
  T: 'topics',
  S: 'streams',
  R: 'request and reply',
  G: 'guarantees',
  D: 'dead letters and retry',
  L: 'delay, time to live, priority',
  O: 'order',
  B: 'back pressure',
  C: 'lifecycle',
  X: 'reconnection and faults',
  P: 'payload and headers',
  E: 'errors and bad input',
  A: 'security',
  K: 'load',
  N: 'capability negotiation',
} as const;
export type Group = keyof typeof groups;

/** What only the harness can do. `child` runs producers and consumers in processes of their own. */
export type Control = 'kill' | 'stop' | 'pause' | 'disconnect' | 'block' | 'proxy' | 'child';

/** What a predicate may look at. */
export interface Facts {
  /** Of this server, as the link reports them. */
  readonly capabilities: Capabilities;
  readonly profile: Profile;
}

/** Every part that is given must hold. Otherwise the case does not run, and its state says which part and why. */
export interface Requirements {
  /** A channel kind. Where the broker has none the refusal is proven: `refused`. */
  readonly kind?: Kind;
  /** Needs the destination of `kind` asks for. Where the plan refuses them the refusal is proven: `refused`. */
  readonly needs?: Needs;
  /** For what nobody can ask for: the reason why it does not apply, or `undefined` where it does: `not-applicable`. */
  readonly able?: (facts: Facts) => string | undefined;
  /** Otherwise `not-run`. */
  readonly controls?: readonly Control[];
}

/** One promise and its proof, as data. */
export interface Case {
  /** Stable for ever: `Q01`, or `N03:queue.delay` where one id stands for many. */
  readonly id: string;
  readonly group: Group;
  /** One sentence in the present tense: what holds. */
  readonly title: string;
  /** 0: part of every run. 1 and 2 come with the profile `full` only. */
  readonly priority: 0 | 1 | 2;
  readonly kind: 'contract' | 'capability' | 'refusal' | 'fault' | 'load';
  readonly requires: Requirements;
  /** Manifest values that this case proves when it passes, as `wordsOf` writes them: `queue.priority=native`. */
  readonly proves?: readonly string[];
  /** `none`: nothing is sent in this case, and that is right. @default 'some' */
  readonly traffic?: 'none' | 'some';
  /** `alone`: nothing runs beside it. Cases that need a control which others would notice always run alone. @default 'beside' */
  readonly company?: 'alone' | 'beside';
  /** `end`: after all others, with their results in `context.results`. @default 'any' */
  readonly when?: 'any' | 'end';
  /** @default 30 000 */
  readonly timeoutMs?: number;
  readonly run: (context: Context) => Promise<void>;
}

const disturbing: readonly Control[] = ['kill', 'stop', 'pause', 'disconnect', 'block'];

/** Whether other cases would notice it. A proxy or a child belongs to one case only. */
export const runsAlone = ({ company, requires }: Case): boolean =>
  company === 'alone' || (requires.controls ?? []).some((control) => disturbing.includes(control));

const idPattern = /^[A-Z]\d\d(:[\w.=>-]+)?$/;

/** @throws TypeError where an id is malformed, belongs to another group, or is taken. */
export function checkCases(cases: readonly Case[]): readonly Case[] {
  const seen = new Set<string>();
  for (const { id, group, title } of cases) {
    if (!idPattern.test(id) || !id.startsWith(group))
      throw new TypeError(`case ${id}: the id must match ${idPattern} and begin with its group ${group}`);
    if (seen.has(id)) throw new TypeError(`case ${id}: two cases have this id`);
    if (title.trim() === '') throw new TypeError(`case ${id}: the title is empty`);
    seen.add(id);
  }
  return cases;
}
