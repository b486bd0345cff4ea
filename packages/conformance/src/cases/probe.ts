import type { Filter, QueueDeclaration, Source, Target } from '@waybill/core/driver';
import { type Bench, openBench, type Taker } from '../bench.ts';
import type { Case, Facts } from '../case.ts';
import type { Context } from '../context.ts';
import { valueAt } from '../words.ts';
import { caseOf } from './define.ts';

export type Settleable = 'queue' | 'topic';
export const settleable: readonly Settleable[] = ['queue', 'topic'];

/** A case for one word of the manifest, at the driver itself: core must not stand in for the broker. */
export function probe(
  name: string,
  values: readonly string[],
  title: string,
  run: (context: Context) => Promise<void>,
  more: Partial<Case> = {},
): Case {
  return caseOf({ requires: {}, kind: 'capability' })({
    id: `N06:${name}=${values[0]!}`,
    title,
    proves: values.map((value) => `${name}=${value}`),
    ...more,
    requires: { able: ({ capabilities }: Facts) => declares(valueAt(capabilities, name), name, values) },
    run,
  });
}

const declares = (has: string | undefined, name: string, values: readonly string[]): string | undefined =>
  has !== undefined && values.includes(has)
    ? undefined
    : `not declared: ${name} is ${has ?? 'of a kind that this broker lacks'}`;

/** A queue, or a topic with one durable subscription, and a receiver on it. */
export interface Channel {
  readonly bench: Bench;
  readonly target: Target;
  readonly source: Source;
  readonly open: (options?: Parameters<Bench['open']>[1]) => Promise<Taker>;
}

type Wanted = Partial<Pick<QueueDeclaration, 'order' | 'priority' | 'ttl' | 'delay' | 'deadLetter' | 'retry'>> & {
  readonly filter?: Filter;
};

export async function openChannel(
  context: Context,
  kind: Settleable,
  { filter, order = 'none', ...wanted }: Wanted = {},
): Promise<Channel> {
  const bench = await openBench(context);
  const place = { name: context.name(kind), order } as const;
  if (kind === 'queue') {
    if (wanted.deadLetter !== undefined) await bench.declare(plainQueue(wanted.deadLetter));
    await bench.declare({ ...plainQueue(place.name), ...place, ...wanted });
    const source = { kind: 'queue', ...place } as const;
    return { bench, target: source, source, open: (options) => bench.open(source, options) };
  }
  const filtered = filter ? { filter } : {};
  await bench.declare(
    { kind: 'topic', ...place },
    { kind: 'subscription', topic: place.name, ...place, name: 'kept', ...filtered },
  );
  const source = { kind: 'topic', ...place, subscription: 'kept', ...filtered } as const;
  return { bench, target: { kind: 'topic', ...place }, source, open: (options) => bench.open(source, options) };
}

export const plainQueue = (name: string): QueueDeclaration => ({
  kind: 'queue',
  name,
  order: 'none',
  priority: false,
  ttl: false,
  delay: false,
});
