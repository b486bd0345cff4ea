import { type Clock, type Limits, WaybillError } from '@waybill/core/driver';
import { defaultLimits } from './capabilities.ts';
import type { DedupWindow } from './dedup.ts';
import type { FaultOptions } from './faults.ts';

export interface BrokerOptions {
  /** The broker's time. Give the bus the same one. @default the time of the process */
  readonly clock?: Clock;
  /** How queues and subscriptions are consumed: under a lease, or until the connection ends. @default 'lease' */
  readonly style?: 'lease' | 'message';
  /** Partitions of streams that do not say. @default 1 */
  readonly partitions?: number;
  /** @default 16 MiB a message, 4096 messages a call, delays of up to 366 days */
  readonly limits?: Partial<Limits>;
  /** How long a place remembers send ids. @default two minutes, and no more than the last 100,000 */
  readonly dedup?: Partial<DedupWindow>;
  /** How many of its last messages and settlements each place remembers for `sent` and `settled`. @default 1000 */
  readonly history?: number;
  /** Makes faults repeatable. @default 1 */
  readonly seed?: number;
  /** What goes wrong, from the start. @default nothing */
  readonly faults?: FaultOptions;
}

export interface BrokerSettings {
  readonly clock: Clock | undefined;
  readonly style: 'lease' | 'message';
  readonly partitions: number;
  readonly limits: Limits;
  readonly dedup: DedupWindow;
  readonly history: number;
  readonly seed: number;
  readonly faults: FaultOptions;
}

const known: readonly (keyof BrokerOptions)[] = [
  'clock',
  'style',
  'partitions',
  'limits',
  'dedup',
  'history',
  'seed',
  'faults',
];

/** Refuses what it does not know and what can never work. */
export function settingsOf(options: BrokerOptions): BrokerSettings {
  const odd = Object.keys(options).find((name) => !known.some((one) => one === name));
  if (odd !== undefined) throw invalid(`there is no option "${odd}"; there are ${known.join(', ')}`);
  const { clock, style = 'lease', partitions = 1, history = 1000, seed = 1, faults = {} } = options;
  if (style !== 'lease' && style !== 'message') throw invalid(`style is ${String(style)}; give 'lease' or 'message'`);
  atLeast('partitions', partitions, 1);
  atLeast('history', history, 0);
  if (!Number.isSafeInteger(seed)) throw invalid(`seed is ${seed}; give a whole number`);
  const limits: Limits = { ...defaultLimits, ...options.limits };
  for (const [name, limit] of Object.entries(limits)) atLeast(`limits.${name}`, limit as number, 1);
  const dedup: DedupWindow = { windowMs: 120_000, most: 100_000, ...options.dedup };
  atLeast('dedup.windowMs', dedup.windowMs, 1);
  atLeast('dedup.most', dedup.most, 1);
  return { clock, style, partitions, limits, dedup, history, seed, faults };
}

function atLeast(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least)
    throw invalid(`${name} is ${value}; give a whole number, ${least} or more`);
}

const invalid = (problem: string): WaybillError =>
  new WaybillError('invalid', `memory broker: ${problem}`, { broker: 'memory' });
