import type { Kind } from '../destination/destination.ts';
import type { Axis } from '../driver/capabilities.ts';

/** Every need of every destination, and how it is met. Data: printable, comparable, published once at start-up. */
export type Plan = readonly PlanRow[];
export interface PlanRow {
  /** The driver's name. */
  readonly broker: string;
  readonly destination: string;
  readonly kind: Kind;
  readonly need: Axis | 'retry' | 'kind';
  /** As the destination asks for it, defaults included. */
  readonly wanted: string;
  readonly met: Met;
}
export type Met =
  | { readonly by: 'broker' }
  /** `how` in a few words; `cost` is what it cannot do that a native one could. */
  | { readonly by: 'waybill'; readonly how: string; readonly cost: string }
  | { readonly by: 'nobody'; readonly why: string; readonly instead: string };

export const byBroker: Met = Object.freeze({ by: 'broker' });
export const byWaybill = (how: string, cost: string): Met => ({ by: 'waybill', how, cost });
export const byNobody = (why: string, instead: string): Met => ({ by: 'nobody', why, instead });

/** One report of everything that cannot be met, or nothing. */
export function refusals(plan: Plan): string | undefined {
  const lines = plan.flatMap(({ broker, destination, kind, need, wanted, met }) =>
    met.by === 'nobody'
      ? [
          `  ${kind} ${destination}: ${need} ${JSON.stringify(wanted)} cannot be met by ${broker}, because ${met.why}. Instead: ${met.instead}.`,
        ]
      : [],
  );
  if (lines.length === 0) return undefined;
  return [
    `nothing was sent or created, because ${lines.length === 1 ? 'a need' : `${lines.length} needs`} cannot be met:`,
    ...lines,
  ].join('\n');
}

/** The plan as an aligned table for terminals and logs. */
export function describePlan(plan: Plan): string {
  const rows = plan.map(({ broker, destination, kind, need, wanted, met }) => [
    `${kind} ${destination}`,
    broker,
    `${need}: ${wanted}`,
    describeMet(met),
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(0, ...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function describeMet(met: Met): string {
  switch (met.by) {
    case 'broker':
      return 'native';
    case 'waybill':
      return `emulated: ${met.how} (${met.cost})`;
    case 'nobody':
      return `refused: ${met.why}; instead: ${met.instead}`;
  }
}
