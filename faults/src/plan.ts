import { deathPoints, type DeathPoint } from './load/consumer.ts';
import { pick, type Random, randomOf, shuffled } from './random.ts';

/** What can be done to the system, each with its own proof. */
export const faultKinds = [
  'broker-kill',
  'consumer-kill',
  'half-open',
  'replies-lost',
  'reset',
  'short-pause',
  'long-pause',
  'consumer-stop',
  'consumer-restart',
] as const;
type FaultKind = (typeof faultKinds)[number];

export interface PlannedFault {
  readonly kind: FaultKind;
  /** How far into its window of the load it strikes, 0 to 1. */
  readonly offset: number;
  /** Which of the processes that it can hit; taken modulo their number. */
  readonly victim: number;
  /** Of a consumer kill. */
  readonly point: DeathPoint;
}

/** The load in windows of equal size: at most one fault in each, and none in the calm ones. */
export type Plan = readonly (PlannedFault | undefined)[];

export interface Amounts {
  readonly brokerKills: number;
  readonly consumerKills: number;
}

/** The other faults, in proportion to the kills of the broker. */
function others({ brokerKills }: Amounts): readonly FaultKind[] {
  const times = Math.max(1, Math.round(brokerKills / 4));
  const each = ['half-open', 'replies-lost', 'reset', 'short-pause', 'consumer-restart'] as const;
  const rare = brokerKills >= 5 ? (['long-pause', 'consumer-stop'] as const) : [];
  return [...each.flatMap((kind) => Array.from({ length: times }, () => kind)), ...rare];
}

/** Faults in an order that the seed decides; a quarter of the windows is calm, the first and the last among them. */
export function planOf(seed: number, amounts: Amounts): Plan {
  const random = randomOf(seed);
  const kinds: FaultKind[] = [
    ...Array.from({ length: amounts.brokerKills }, () => 'broker-kill' as const),
    ...Array.from({ length: amounts.consumerKills }, () => 'consumer-kill' as const),
    ...others(amounts),
  ];
  const calm = Math.max(2, Math.ceil(kinds.length / 3));
  const inner = [...kinds.map((kind) => faultOf(kind, random)), ...Array.from({ length: calm - 2 }, () => undefined)];
  return [undefined, ...shuffled(random, inner), undefined];
}

function faultOf(kind: FaultKind, random: Random): PlannedFault {
  return { kind, offset: 0.1 + 0.6 * random(), victim: Math.floor(random() * 1_000), point: pick(random, deathPoints) };
}
