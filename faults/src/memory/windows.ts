import type { FaultKind, FaultOptions } from '@waybill/in-memory';
import { randomOf, shuffled } from '../random.ts';

/** One window of the load: what goes wrong in it. */
export type Window =
  | { readonly kind: 'calm' }
  /** Strikes by chance, for as long as the window lasts. */
  | { readonly kind: FaultKind; readonly rates: FaultOptions; readonly repeats: boolean }
  /** All links are lost once, in the middle. */
  | { readonly kind: 'cut' }
  /** The broker answers nothing for a while. */
  | { readonly kind: 'pause'; readonly ms: number };

/** `repeats`: the fault itself may bring a message twice. Whatever else comes twice needs another explanation. */
const byChance: readonly Window[] = [
  { kind: 'dropConfirm', rates: { dropConfirm: 0.05 }, repeats: false },
  { kind: 'loseSend', rates: { loseSend: 0.05 }, repeats: false },
  { kind: 'refuseSend', rates: { refuseSend: 0.05 }, repeats: false },
  { kind: 'overload', rates: { overload: 0.05 }, repeats: false },
  { kind: 'duplicate', rates: { duplicate: 0.05 }, repeats: true },
  { kind: 'delay', rates: { delay: 0.05, maxDelayMs: 300 }, repeats: false },
  { kind: 'endLease', rates: { endLease: 0.2 }, repeats: true },
  { kind: 'failSettle', rates: { failSettle: 0.05 }, repeats: false },
];

/** Each fault by chance once, as many cuts as asked for, one pause, and a quarter calm, the first and the last among them. */
export function windowsOf(seed: number, cuts: number): readonly Window[] {
  const random = randomOf(seed);
  const struck: readonly Window[] = [
    ...byChance,
    ...Array.from({ length: cuts }, () => ({ kind: 'cut' }) as const),
    { kind: 'pause', ms: 300 },
  ];
  const calm = Math.max(2, Math.ceil(struck.length / 3));
  const inner = [...struck, ...Array.from({ length: calm - 2 }, () => ({ kind: 'calm' }) as const)];
  return [{ kind: 'calm' }, ...shuffled(random, inner), { kind: 'calm' }];
}
