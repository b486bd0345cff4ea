import type { AnomalyClass, Claim, Deliver, HistoryEvent, Recordable, Stamp } from '../../src/history/index.ts';
import type { Random } from './random.ts';

/** Breaks one promise in the calm tail of a simulated history, and no other. */
export interface Defect {
  readonly anomaly: AnomalyClass;
  readonly claim?: Partial<Claim>;
  readonly inject: (events: readonly HistoryEvent[], tail: readonly string[], random: Random) => HistoryEvent[];
}

type Delivered = Deliver & Stamp;

const OTHER = 'intruder';

function deliverOf(events: readonly HistoryEvent[], message: string): Delivered {
  const found = events.find((event) => event.type === 'deliver' && event.message === message);
  if (found?.type !== 'deliver') throw new Error(`${message} was not delivered`);
  return found;
}

function isAbout({ delivery, process }: Delivered) {
  return (event: HistoryEvent): boolean =>
    'delivery' in event && event.delivery === delivery && event.process === process;
}

function without(events: readonly HistoryEvent[], message: string): HistoryEvent[] {
  const matches = isAbout(deliverOf(events, message));
  return events.filter((event) => !matches(event));
}

/** Moves everything from `at` on to later, to make room. */
function makeRoom(events: readonly HistoryEvent[], at: number, ms: number): HistoryEvent[] {
  return events.map((event) => (event.at < at ? event : { ...event, at: event.at + ms }));
}

function change(events: readonly HistoryEvent[], wanted: HistoryEvent, fields: object): HistoryEvent[] {
  return events.map((event) => (event === wanted ? { ...event, ...fields } : event));
}

/** A whole handling by a process of its own, two milliseconds an event. */
function intrude(
  events: readonly HistoryEvent[],
  at: number,
  deliver: Omit<Deliver, 'type' | 'delivery'>,
  isSettled = true,
): HistoryEvent[] {
  const steps: Recordable[] = [
    { ...deliver, type: 'deliver', delivery: 1 },
    { type: 'handled', delivery: 1, outcome: 'ok' },
  ];
  if (isSettled)
    steps.push(
      { type: 'settle.invoke', delivery: 1, settlement: 'accept' },
      { type: 'settle.ok', delivery: 1, settlement: 'accept' },
    );
  const header = {
    type: 'header',
    version: 1,
    run: 'simulation',
    process: OTHER,
    at,
    offsetMs: 0,
    uncertaintyMs: 0.05,
  } as const;
  return [
    ...makeRoom(events, at, 20),
    header,
    ...steps.map((step, index) => ({ ...step, process: OTHER, at: at + 2 * (index + 1) })),
  ];
}

/** The contents of a delivery without what binds it to its process. */
function contentsOf({
  message,
  subscription,
  key,
  body,
  headers,
  leaseMs,
}: Delivered): Omit<Deliver, 'type' | 'delivery'> {
  return { message, subscription, key, body, headers, leaseMs };
}

function ending(events: readonly HistoryEvent[]): HistoryEvent {
  const drain = events.find(({ type }) => type === 'drain.end');
  if (drain === undefined) throw new Error('the history has no drain');
  return drain;
}

function handledOf(events: readonly HistoryEvent[], message: string): HistoryEvent {
  const matches = isAbout(deliverOf(events, message));
  return events.find((event) => event.type === 'handled' && matches(event))!;
}

/** Two neighbours of the tail. */
function pair(tail: readonly string[], random: Random): readonly [string, string] {
  const index = Math.floor(random.between(0, tail.length - 1));
  return [tail[index]!, tail[index + 1]!];
}

export const DEFECTS: readonly Defect[] = [
  { anomaly: 'lost', inject: (events, tail, random) => without(events, random.pick(tail)) },
  {
    anomaly: 'unseen',
    claim: { order: 'none' },
    inject: (events, tail, random) => change(without(events, random.pick(tail)), ending(events), { depth: null }),
  },
  {
    anomaly: 'acked-unhandled',
    inject(events, tail, random) {
      const deliver = deliverOf(events, random.pick(tail));
      const steps = events.filter((event) => event !== deliver && isAbout(deliver)(event));
      const [handled, invoke, ok] = steps;
      const swapped = new Map([
        [handled, invoke],
        [invoke, ok],
        [ok, handled],
      ]);
      return events.map((event) => ({ ...(swapped.get(event) ?? event), at: event.at }));
    },
  },
  {
    anomaly: 'duplicated',
    inject: (events, tail, random) =>
      intrude(events, ending(events).at, { ...contentsOf(deliverOf(events, random.pick(tail))), attempt: 1 }),
  },
  {
    anomaly: 'resurrected',
    inject: (events, tail, random) =>
      intrude(events, ending(events).at, { ...contentsOf(deliverOf(events, random.pick(tail))), redelivered: true }),
  },
  {
    anomaly: 'reordered',
    inject(events, tail, random) {
      const [early, late] = pair(tail, random).map((message) => deliverOf(events, message)) as [Delivered, Delivered];
      return events.map((event) =>
        event === early ? { ...event, ...renamed(late) } : event === late ? { ...event, ...renamed(early) } : event,
      );
    },
  },
  {
    anomaly: 'premature-redelivery',
    inject(events, tail, random) {
      const message = random.pick(tail);
      return intrude(events, handledOf(events, message).at + 0.11, contentsOf(deliverOf(events, message)), false);
    },
  },
  {
    anomaly: 'concurrent-delivery',
    inject(events, tail, random) {
      const message = random.pick(tail);
      return intrude(events, handledOf(events, message).at, contentsOf(deliverOf(events, message)), false);
    },
  },
  {
    anomaly: 'phantom',
    inject: (events) => intrude(events, ending(events).at, { message: 'ghost', subscription: 'orders' }),
  },
  {
    anomaly: 'aborted-read',
    inject(events) {
      const { at } = ending(events);
      const invoke = {
        type: 'publish.invoke',
        message: 'refused',
        destination: 'orders',
        process: 'producer',
        at,
      } as const;
      const fail = { type: 'publish.fail', message: 'refused', process: 'producer', at: at + 1 } as const;
      return intrude([...makeRoom(events, at, 5), invoke, fail], at + 2, {
        message: 'refused',
        subscription: 'orders',
      });
    },
  },
  {
    anomaly: 'corrupted',
    inject: (events, tail, random) => change(events, deliverOf(events, random.pick(tail)), { body: 'something else' }),
  },
  {
    anomaly: 'wrong-count',
    inject: (events, tail, random) => change(events, deliverOf(events, random.pick(tail)), { attempt: 7 }),
  },
  {
    anomaly: 'double-fate',
    inject: (events, tail, random) => [
      ...events,
      {
        type: 'dead-letter.read',
        message: random.pick(tail),
        subscription: 'orders',
        process: 'parent',
        at: ending(events).at + 1,
      },
    ],
  },
  {
    anomaly: 'stuck',
    inject: (events, tail, random) => makeRoom(events, deliverOf(events, random.pick(tail)).at, 60_000),
  },
  {
    anomaly: 'overlap',
    inject(events, tail, random) {
      const [early, late] = pair(tail, random);
      const { at } = handledOf(events, early);
      const moved = deliverOf(events, late);
      const rest = makeRoom(
        events.filter((event) => event !== moved),
        at,
        10,
      );
      return [...rest, { ...moved, at: at + 5 }].toSorted((left, right) => left.at - right.at);
    },
  },
];

function renamed({ message, body, headers, headerMessage }: Delivered) {
  return { message, body, headers, headerMessage };
}
