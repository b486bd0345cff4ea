import type { Arm, Row } from './harness/row.ts';
import type { Size } from './harness/size.ts';

const async256 = { window: 256, concurrency: 256, ahead: 1024 };
const notes = [
  'at-least-once: each message is settled after its handler',
  'window 256, concurrency 256, at most 1,024 sent and not yet handled',
];
const bytesNote =
  'four-byte body as it is (bytes codec, which copies on send; the broker copies when stored and when looked at)';

const waybill = (name: string, program: string, settings: Arm['settings']): Arm => ({ name, program, settings });
const queueArm = (name: string, codec: string, send: string): Arm =>
  waybill(name, 'memory/queue', { ...async256, codec, send });

/** One arm against a fixed number of messages per second. */
function throughput(
  id: string,
  title: string,
  arm: Arm,
  atLeast: number,
  messages: number,
  more: readonly string[],
): Row {
  return {
    id,
    title,
    target: 10,
    arms: [arm],
    messages,
    warmUp: messages >> 2,
    metrics: ['cpu', 'rate'],
    gates: [{ metric: 'rate', of: 'figure', atLeast }],
    notes: [...notes, ...more],
  };
}

/** The same arm, with much and with little of something: what one message costs must not depend on it. */
function flatness(
  id: string,
  title: string,
  arms: readonly [Arm, Arm],
  messages: number,
  more: readonly string[],
): Row {
  return {
    id,
    title,
    target: 14,
    arms,
    messages,
    warmUp: messages >> 2,
    metrics: ['cpu', 'rate'],
    gates: [{ metric: 'cpu', of: 'ratio', atMost: flatWithin }],
    notes: more,
  };
}

/** "Flat" is called what costs at most so many times as much at the far end. */
export const flatWithin = 1.25;

export function memoryRows({ messages }: Size): readonly Row[] {
  const byHand = (name: string): Arm => waybill(name, 'memory/by-hand', { batch: 256 });
  const destinations = (count: number): Arm =>
    waybill(`${count} destinations`, 'memory/destinations', { destinations: count, batch: 16, ahead: 1024 });
  const backlog = (count: number): Arm =>
    waybill(`backlog of ${count}`, 'memory/backlog', { backlog: count, batch: 256, concurrency: 256 });
  const far = messages * 2;
  return [
    {
      id: 'control',
      title: 'Control: a queue written by hand, against itself',
      arms: [byHand('by hand (A)'), byHand('by hand (B)')],
      messages,
      warmUp: messages >> 2,
      metrics: ['cpu', 'rate'],
      gates: [],
      isControl: true,
      notes: ['200-byte JSON in an array and out of it, no acknowledgement: a ceiling, not a comparison'],
    },
    throughput('queue', 'Queue, async handler, sendMany', queueArm('sendMany', 'bytes', 'many'), 3e6, messages, [
      bytesNote,
    ]),
    throughput(
      'queue-each',
      'Queue, async handler, one send each',
      queueArm('256 sends at once', 'bytes', 'each'),
      3e6,
      messages,
      [bytesNote],
    ),
    throughput('json', 'Queue, JSON isolation, sendMany', queueArm('sendMany', 'json', 'many'), 0.8e6, messages, [
      '200-byte order, encoded and decoded',
    ]),
    throughput(
      'json-small',
      'Queue, JSON isolation of a small message, sendMany',
      queueArm('sendMany', 'json-small', 'many'),
      0.8e6,
      messages,
      ['{"number":…}, encoded and decoded'],
    ),
    throughput(
      'fan-out',
      'Topic, four subscriptions, publishMany',
      waybill('publishMany', 'memory/fan-out', { ...async256, subscribers: 4 }),
      1.5e6,
      messages >> 1,
      [bytesNote, 'rate in publishes: each is handled four times'],
    ),
    flatness('destinations', 'Cost over 1,000 queues', [destinations(1), destinations(1000)], messages, [
      'sendMany of 16 orders to one queue after the other, default concurrency (16)',
    ]),
    flatness('backlog', `Cost with a backlog of ${far}`, [backlog(messages >> 5), backlog(far)], far, [
      'send the backlog, then consume it, until all messages went that way; 200-byte orders',
    ]),
  ];
}
