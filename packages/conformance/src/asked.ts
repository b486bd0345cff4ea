import { connect, type Driver, type Kind, type Needs, WaybillError } from '@waybill/core';
import { destinationOf } from './destination-of.ts';
import type { Target } from './target.ts';

/** What came of asking this broker for one thing: it does it, Waybill does it for it, or nobody can. */
export interface Answer {
  readonly kind: Kind;
  /** As in a plan: `delay`, `order`, … and `kind` and `retry`. */
  readonly need: string;
  readonly wanted: string;
  readonly by: 'broker' | 'waybill' | 'nobody';
  /** How Waybill does it and at what price, or why nobody can and what to do instead. */
  readonly note?: string;
}

const everywhere: readonly Needs[] = [
  { delivery: 'at-most-once' },
  { delivery: 'at-least-once' },
  { delivery: 'exactly-once' },
  { order: 'key' },
  { order: 'total' },
  { dedup: true },
];
const timed: readonly Needs[] = [{ delay: true }, { ttl: true }, { deadLetter: true }];

/** Everything that a destination of each kind can ask for, one at a time. */
const questions: Readonly<Record<Kind, readonly Needs[]>> = {
  queue: [...everywhere, ...timed, { priority: true }],
  topic: [...everywhere, ...timed, { pattern: true }, { filter: true }],
  stream: [...everywhere, { seek: 'ends' }, { seek: 'position' }, { seek: 'timestamp' }, { group: true }],
};

/** Asks on one connection, and makes nothing. */
export async function askEverything(target: Target, run: string): Promise<readonly Answer[]> {
  const bus = await connect<Driver, {}>(await target.driver(), {}, { topology: 'assume', observe: () => undefined });
  const answers: Answer[] = [];
  try {
    for (const kind of Object.keys(questions) as Kind[]) {
      for (const [index, needs] of questions[kind].entries())
        answers.push(...(await ask(bus, kind, needs, `wbc-${run}-ask-${kind}-${index}`)));
    }
    return onlyOnce(answers);
  } finally {
    await bus.close();
  }
}

type Open = Awaited<ReturnType<typeof connect<Driver, {}>>>;

async function ask(bus: Open, kind: Kind, needs: Needs, name: string): Promise<readonly Answer[]> {
  try {
    await bus.attach(destinationOf(kind, name, needs));
  } catch (error) {
    if (!WaybillError.is(error, 'unsupported')) throw error;
    const [[need, wanted]] = Object.entries(needs) as [[string, unknown]];
    return [{ kind, need, wanted: String(wanted), by: 'nobody', note: reasonOf(error) }];
  }
  return bus.plan.flatMap(({ destination, need, wanted, met }): Answer[] => {
    if (destination !== name || met.by === 'nobody') return [];
    return [{ kind, need, wanted, by: met.by, ...(met.by === 'waybill' && { note: `${met.how}; ${met.cost}` }) }];
  });
}

/** Without the names of this run. */
const reasonOf = ({ message }: WaybillError): string => /because (.*)$/s.exec(message)?.[1] ?? message;

/** Defaults come with every plan. */
const onlyOnce = (answers: readonly Answer[]): readonly Answer[] => [
  ...new Map(answers.map((answer) => [`${answer.kind} ${answer.need} ${answer.wanted}`, answer])).values(),
];
