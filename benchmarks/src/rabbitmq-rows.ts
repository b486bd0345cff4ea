import { type Arm, type Field, type Gate, type Row, turnsOf } from './harness/row.ts';
import type { RabbitmqGround } from './harness/rabbitmq-field.ts';
import type { Size } from './harness/size.ts';
import { flatWithin } from './memory-rows.ts';

const prefetch = 200;
const window = 256;
const array = 5000;
const backlog = 100_000;

const arm = (name: string, program: string, settings: Arm['settings']): Arm => ({
  name,
  program: `rabbitmq/${program}`,
  settings,
});
const consumeRaw = (name: string, style: string): Arm => arm(name, 'consume-raw', { style, prefetch });
const publishRaw = (name: string, style: string, envelope = 'full'): Arm =>
  arm(name, 'publish-raw', { style, window, envelope });
const waybill = (name: string, program: string, settings: Arm['settings']): Arm => ({
  name,
  program: `waybill/${program}`,
  settings: { kind: 'queue', prefetch, window, ...settings },
});
const consumeWaybill = waybill('Waybill', 'consume', {});
const sendEach = waybill('Waybill send', 'publish', { style: 'each' });
const sendMany = waybill('Waybill sendMany', 'publish', { style: 'many', array });

const tunedGates: readonly Gate[] = [
  { metric: 'rate', of: 'ratio', atLeast: 0.97 },
  { metric: 'cpu', of: 'ratio', atMost: 1.05 },
];
const envelopeNote =
  'quorum queue, persistent, mandatory, message id (UUID), content type, time stamp; publisher confirms; 200-byte JSON encoded in the measured part';
const consumeNotes = [
  `quorum queue filled beforehand with the same messages for both arms; prefetch ${prefetch}, as many handlers at once; async handler`,
  '200-byte JSON parsed in the measured part; at-least-once: acknowledged after the handler',
];

/** What the rows need to know that a first run has to find out. */
export interface Calibration {
  /** Messages per second, end to end, of the tuned raw client: publishing and consuming in one process. */
  readonly endToEndPerSecond: number;
}

export function rabbitmqRows(size: Size, ground: RabbitmqGround, { endToEndPerSecond }: Calibration): readonly Row[] {
  const { messages } = size;
  const warmUp = messages >> 1;
  const consuming = {
    messages,
    // A consumer runs for days. Until all of it is compiled, some 100,000 messages on, whoever has more code looks slower.
    warmUp: 2 * messages,
    turns: turnsOf(messages),
    metrics: ['cpu', 'rate'],
    notes: consumeNotes,
    field: filled(ground),
  } as const;
  const publishing = {
    messages,
    warmUp,
    turns: turnsOf(messages),
    metrics: ['cpu', 'rate'],
    field: empty(ground),
  } as const;
  return [
    {
      ...consuming,
      id: 'control-consume',
      title: 'Control: idiomatic amqplib against itself, consuming',
      arms: [consumeRaw('idiomatic (A)', 'idiomatic'), consumeRaw('idiomatic (B)', 'idiomatic')],
      gates: [],
      isControl: true,
    },
    {
      ...publishing,
      id: 'control-publish',
      title: 'Control: tuned amqplib against itself, publishing',
      arms: [publishRaw('tuned (A)', 'tuned'), publishRaw('tuned (B)', 'tuned')],
      gates: [],
      isControl: true,
      notes: [envelopeNote, `window ${window}`],
    },
    {
      ...consuming,
      id: 'consume-idiomatic',
      title: 'Consume, against idiomatic amqplib (one acknowledgement a message)',
      target: 1,
      arms: [consumeRaw('amqplib, idiomatic', 'idiomatic'), consumeWaybill],
      gates: [
        { metric: 'rate', of: 'ratio', atLeast: 1.3 },
        { metric: 'cpu', of: 'ratio', atMost: 0.8 },
      ],
    },
    {
      ...consuming,
      id: 'consume-tuned',
      title: 'Consume, against hand-tuned amqplib (one multiple acknowledgement a turn, noDelay)',
      target: 3,
      arms: [consumeRaw('amqplib, tuned', 'tuned'), consumeWaybill],
      gates: tunedGates,
    },
    {
      ...publishing,
      id: 'publish-tuned',
      title: 'Publish one by one at the same window, against hand-tuned amqplib (sliding window, noDelay)',
      target: 4,
      arms: [publishRaw('amqplib, tuned', 'tuned'), sendEach],
      gates: tunedGates,
      notes: [
        envelopeNote,
        `window ${window}; Waybill: ${window} sends at once, each with its own promise. Target 3 asks for the CPU, target 4 for the rate`,
      ],
    },
    {
      ...publishing,
      id: 'publish-many',
      title: 'Publish arrays at the same window, against hand-tuned amqplib',
      target: 3,
      arms: [publishRaw('amqplib, tuned', 'tuned'), sendMany],
      gates: tunedGates,
      notes: [envelopeNote, `window ${window}; Waybill: sendMany of ${array} messages, one call after the other`],
    },
    {
      ...publishing,
      id: 'publish-corked',
      title: 'Publish one by one, against hand-tuned amqplib that also corks its socket',
      arms: [publishRaw('amqplib, tuned and corked', 'corked'), sendEach],
      gates: [],
      notes: [
        envelopeNote,
        `window ${window}; no target: amqplib hides its socket, and who digs it out saves a system call a message, as the adapter does`,
      ],
    },
    {
      ...publishing,
      id: 'publish-batches',
      title: 'Publish, against idiomatic amqplib (batches, waitForConfirms)',
      arms: [publishRaw('amqplib, waitForConfirms', 'batches'), sendEach],
      gates: [],
      notes: [envelopeNote, `window and batch ${window}; no target`],
    },
    {
      ...publishing,
      id: 'publish-bare',
      title: 'Publish, against tuned amqplib without id, time stamp and mandatory: not the same guarantee',
      arms: [publishRaw('amqplib, tuned, bare', 'tuned', 'bare'), sendEach],
      gates: [],
      notes: [
        `window ${window}; no target: what the envelope costs, and what a message that nobody can route costs the raw client (it is lost unseen)`,
      ],
    },
    {
      ...publishing,
      id: 'send-many',
      title: 'sendMany, against an awaited loop',
      target: 4,
      arms: [{ ...publishRaw('amqplib, await each confirm', 'each'), messages: messages >> 4 }, sendMany],
      warmUp: messages >> 5,
      gates: [{ metric: 'rate', of: 'ratio', atLeast: 10 }],
      notes: [
        envelopeNote,
        `Waybill: sendMany of ${array} messages, window ${window}; the loop has one message on its way`,
      ],
    },
    latency('latency-tuned', 'hand-tuned', 'tuned', Math.round(endToEndPerSecond / 2), size, ground),
    latency('latency-idiomatic', 'idiomatic', 'idiomatic', Math.round(endToEndPerSecond / 2), size, ground),
    {
      id: 'destinations',
      title: 'Cost over 1,000 quorum queues, each with its consumer',
      target: 14,
      arms: [1, 1000].map((count) =>
        arm(`${count} destinations`, 'destinations', { destinations: count, batch: 16, lanes: 16 }),
      ) as [Arm, Arm],
      messages,
      warmUp,
      mostPairs: 5,
      metrics: ['cpu', 'rate'],
      gates: [{ metric: 'cpu', of: 'ratio', atMost: flatWithin }],
      notes: [
        'client CPU only; sendMany of 16 orders to one queue after the other, 16 calls at a time; window 1,000, concurrency 16 each (defaults)',
      ],
      field: ({ settings }) => ground.many(Number(settings['destinations'])),
    },
    {
      ...consuming,
      id: 'backlog',
      title: `Cost of consuming in front of a backlog of ${backlog}`,
      target: 14,
      arms: [
        { ...consumeWaybill, name: 'nothing behind' },
        { ...consumeWaybill, name: `${backlog} behind` },
      ],
      mostPairs: 5,
      gates: [{ metric: 'cpu', of: 'ratio', atMost: flatWithin }],
      notes: [
        ...consumeNotes,
        `what is measured is the front of the queue; in the second arm ${backlog} messages more wait behind it`,
      ],
      field: ({ name }) => ground.filled(3 * messages + (name === 'nothing behind' ? 0 : backlog)),
    },
  ];
}

function latency(
  id: string,
  words: string,
  style: string,
  rate: number,
  { messages }: Size,
  ground: RabbitmqGround,
): Row {
  return {
    id,
    title: `End to end at half load, against ${words} amqplib`,
    target: 12,
    arms: [
      arm(`amqplib, ${words}`, 'end-to-end-raw', { style, prefetch, rate, window }),
      waybill('Waybill', 'end-to-end', { rate }),
    ],
    messages,
    warmUp: messages >> 1,
    metrics: ['p99', 'p50', 'cpu'],
    gates: [{ metric: 'p99', of: 'ratio or difference', atMost: 1.05, differenceAtMost: 50 }],
    notes: [
      `open loop at ${rate} messages/s, half of what the tuned raw client reaches in one process; from the intended send time to the handler`,
      'publisher and consumer in one process, on two connections; due messages leave every millisecond',
    ],
    field: () => ground.filled(0),
  };
}

const filled =
  (ground: RabbitmqGround) =>
  (one: Arm, row: Row): Promise<Field> =>
    ground.filled(row.warmUp + (one.messages ?? row.messages));
const empty =
  (ground: RabbitmqGround) =>
  (one: Arm, row: Row): Promise<Field> =>
    ground.empty(row.warmUp + (one.messages ?? row.messages));
