import { type Arm, type Gate, type Row, turnsOf } from './harness/row.ts';
import type { Size } from './harness/size.ts';
import { type ClientGround, empty, filled, type Kind } from './grounds/client-ground.ts';

/** What is compared on one broker, and what is asked of it. */
export interface Comparison {
  /** Of the raw arms' programs. */
  readonly programs: string;
  /** Of the client library, as in titles. */
  readonly client: string;
  readonly kind: Kind;
  /** What the ids of its rows begin with. */
  readonly prefix: string;
  readonly target: { readonly idiomatic: number; readonly tuned: number };
  /** How much faster than the idiomatic loop consuming has to be. */
  readonly consumeAtLeast: number;
  readonly tunedGates: readonly Gate[];
  readonly publishAtLeast: number;
  /** Times as fast as a loop that awaits each; without: there is no target. */
  readonly sendManyAtLeast?: number;
  readonly notes: { readonly consume: readonly string[]; readonly publish: readonly string[] };
}

export const tunedGates: readonly Gate[] = [
  { metric: 'rate', of: 'ratio', atLeast: 0.97 },
  { metric: 'cpu', of: 'ratio', atMost: 1.05 },
];

const prefetch = 200;
const window = 256;
const array = 5_000;

/** The rows that every broker has. Ids begin with what the comparison is of. */
export function clientRows(
  { programs, client, kind, prefix, ...asked }: Comparison,
  { messages }: Size,
  ground: ClientGround,
  endToEndPerSecond: number,
): readonly Row[] {
  const common = { kind, prefetch, window };
  const raw = (name: string, program: string, style: string): Arm => ({
    name: `${client}, ${name}`,
    program: `${programs}/${program}`,
    settings: { ...common, style },
  });
  const waybill = (name: string, program: string, settings: Arm['settings'] = {}): Arm => ({
    name,
    program: `waybill/${program}`,
    settings: { ...common, ...settings },
  });
  const warmUp = messages >> 1;
  const metrics = ['cpu', 'rate'] as const;
  // Streams are fetched by the megabyte, some thousands of these at once.
  const turns = kind === 'queue' ? turnsOf(messages) : 4;
  const consuming = {
    messages,
    warmUp,
    turns,
    metrics,
    notes: [...asked.notes.consume, `${prefetch} messages held, and as many handlers at once where the style has them`],
    field: filled(ground, kind, warmUp + messages),
  };
  const publishing = {
    messages,
    warmUp,
    turns,
    metrics,
    notes: [...asked.notes.publish, `window ${window}; 200-byte JSON encoded in the measured part`],
    field: empty(ground, kind),
  };
  const consumeWaybill = waybill('Waybill', 'consume');
  const sendMany = waybill('Waybill sendMany', 'publish', { style: 'many', array });
  return [
    {
      ...consuming,
      id: `${prefix}control-consume`,
      title: `Control: idiomatic ${client} against itself, consuming (${kind})`,
      arms: [raw('idiomatic (A)', 'consume', 'idiomatic'), raw('idiomatic (B)', 'consume', 'idiomatic')],
      gates: [],
      isControl: true,
    },
    {
      ...consuming,
      id: `${prefix}consume-idiomatic`,
      title: `Consume (${kind}), against the idiomatic loop of ${client}`,
      target: asked.target.idiomatic,
      arms: [raw('idiomatic', 'consume', 'idiomatic'), consumeWaybill],
      gates: [{ metric: 'rate', of: 'ratio', atLeast: asked.consumeAtLeast }],
    },
    {
      ...consuming,
      id: `${prefix}consume-tuned`,
      title: `Consume (${kind}), against hand-tuned ${client}`,
      target: asked.target.tuned,
      arms: [raw('tuned', 'consume', 'tuned'), consumeWaybill],
      gates: asked.tunedGates,
    },
    {
      ...publishing,
      id: `${prefix}publish`,
      title: `Publish one by one at the same window (${kind}), against hand-tuned ${client}`,
      target: 4,
      arms: [raw('tuned', 'publish', 'tuned'), waybill('Waybill send', 'publish', { style: 'each' })],
      gates: [{ metric: 'rate', of: 'ratio', atLeast: asked.publishAtLeast }],
    },
    {
      ...publishing,
      id: `${prefix}publish-many`,
      title: `Publish arrays at the same window (${kind}), against hand-tuned ${client}`,
      target: asked.target.tuned,
      arms: [raw('tuned', 'publish', 'tuned'), sendMany],
      gates: asked.tunedGates,
    },
    {
      ...publishing,
      id: `${prefix}send-many`,
      title: `sendMany (${kind}), against a loop that awaits each`,
      ...(asked.sendManyAtLeast !== undefined && { target: 4 }),
      arms: [{ ...raw('await each', 'publish', 'each'), messages: messages >> 4 }, sendMany],
      warmUp: messages >> 5,
      gates:
        asked.sendManyAtLeast === undefined ? [] : [{ metric: 'rate', of: 'ratio', atLeast: asked.sendManyAtLeast }],
    },
    {
      id: `${prefix}latency-tuned`,
      title: `End to end at half load (${kind}), against hand-tuned ${client}`,
      target: 12,
      arms: [
        {
          ...raw('tuned', 'end-to-end', 'tuned'),
          settings: { ...common, style: 'tuned', rate: endToEndPerSecond >> 1 },
        },
        waybill('Waybill', 'end-to-end', { rate: endToEndPerSecond >> 1 }),
      ],
      messages,
      warmUp,
      metrics: ['p99', 'p50', 'cpu'],
      gates: [{ metric: 'p99', of: 'ratio or difference', atMost: 1.05, differenceAtMost: 50 }],
      notes: [
        `open loop at ${endToEndPerSecond >> 1} messages/s, half of what the tuned raw client reaches in one process; from the intended send time to the handler`,
      ],
      field: filled(ground, kind, 0),
    },
  ];
}

/**
 * What the first run finds out: messages per second, end to end, of the tuned raw client. With a small window, since what
 * is due comes in small batches too: at half of what large ones reach, a broker may be at its end already.
 */
export const endToEndSettings = { style: 'tuned', prefetch, window: 16, rate: 0 } as const;
