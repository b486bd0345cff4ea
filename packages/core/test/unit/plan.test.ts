import { describe, expect, it } from 'vitest';
import { capabilities } from './capabilities.ts';
import type { Capabilities, ChannelCapabilities } from '../../src/driver/index.ts';
import { exponential, fixed, linear, queue, stream, topic, type } from '../../src/index.ts';
import { meet } from '../../src/plan/meet.ts';
import { describePlan, refusals } from '../../src/plan/plan.ts';
import { delayStep, retryStep, type RetryStep, scheduledMs, servedSteps } from '../../src/plan/steps.ts';

const schema = type<unknown>();
const weak: Partial<ChannelCapabilities> = {
  order: 'none',
  release: 'none',
  delay: 'none',
  ttl: 'none',
  priority: 'none',
  dedup: 'none',
  deadLetter: 'none',
};
const broker = (less: Partial<ChannelCapabilities>): Capabilities => ({
  ...capabilities,
  queue: { ...capabilities.queue, ...less },
  topic: { ...capabilities.topic, ...less },
});
const channel = (less: Partial<ChannelCapabilities>): ChannelCapabilities => ({ ...capabilities.queue, ...less });

describe('meeting needs', () => {
  it.each([
    ['delay', true, 'native', 'broker'],
    ['delay', 'native', 'native', 'broker'],
    ['delay', true, 'none', 'waybill'],
    ['delay', 'native', 'none', 'nobody'],
    ['ttl', true, 'native', 'broker'],
    ['ttl', true, 'none', 'waybill'],
    ['ttl', 'native', 'none', 'nobody'],
    ['priority', true, 'native', 'broker'],
    ['priority', true, 'none', 'nobody'],
    ['dedup', true, 'window', 'broker'],
    ['dedup', true, 'none', 'nobody'],
    ['order', 'key', 'total', 'broker'],
    ['order', 'total', 'key', 'nobody'],
    ['order', 'none', 'none', 'broker'],
    ['delivery', 'at-most-once', 'at-least-once', 'broker'],
    ['delivery', 'at-least-once', 'at-most-once', 'nobody'],
    ['delivery', 'exactly-once', 'at-least-once', 'nobody'],
  ])('%s: %s, where the broker has %s, is met by %s', (need, wanted, has, by) => {
    const destination = queue('q', { schema, needs: { [need]: wanted }, key: () => 'k' } as never);
    const rows = meet('b', broker({ [need]: has }), destination);
    expect(rows.find((row) => row.need === need)).toMatchObject({
      broker: 'b',
      destination: 'q',
      kind: 'queue',
      wanted: String(wanted),
      met: { by },
    });
  });

  it.each([
    ['stream', 'position-and-send', 'position', 'message', undefined, 'broker'],
    ['stream', 'none', 'position', 'position', undefined, 'nobody'],
    ['stream', 'position-and-send', 'lease', 'position', undefined, 'nobody'],
    ['topic', 'position-and-send', 'position', 'position', undefined, 'broker'],
    ['topic', 'position-and-send', 'position', 'lease', undefined, 'broker'],
    ['topic', 'position-and-send', 'position', 'lease', 'delay', 'nobody'],
    ['topic', 'position-and-send', 'position', 'position', 'delay', 'broker'],
  ] as const)(
    'exactly-once: a %s, atomic %s, style %s and its queues %s, with %s, is met by %s',
    (kind, atomic, style, queues, extra, by) => {
      const needs = { delivery: 'exactly-once' } as const;
      const destination =
        kind === 'stream'
          ? stream('s', { schema, needs })
          : topic('s', { schema, needs: extra ? { ...needs, delay: true } : needs });
      const { queue: channel } = capabilities;
      const given = {
        ...capabilities,
        atomic,
        queue: { ...channel, style: queues },
        topic: { ...(capabilities.topic as object), style, delay: 'none' },
        stream: { ...(capabilities.stream as object), style },
      } as Capabilities;
      expect(meet('b', given, destination).find(({ need }) => need === 'delivery')).toMatchObject({ met: { by } });
    },
  );

  it('a kind that the broker has not is one refusal', () => {
    expect(
      meet('b', { ...capabilities, stream: 'none' }, stream('s', { schema, needs: { seek: 'ends' } })),
    ).toMatchObject([{ need: 'kind', met: { by: 'nobody' } }]);
  });

  it('a delay that would leave its order, or that nobody keeps, is refused', () => {
    const ordered = queue('q', { schema, needs: { order: 'key', delay: true }, key: () => 'k' });
    const forgotten = queue('q', { schema, needs: { delivery: 'at-most-once', delay: true } });
    for (const destination of [ordered, forgotten])
      expect(meet('b', broker({ delay: 'none' }), destination).find(({ need }) => need === 'delay')).toMatchObject({
        met: { by: 'nobody' },
      });
  });

  it('groups and places to begin depend on the broker alone', () => {
    const destination = stream('s', { schema, needs: { seek: 'timestamp', group: true } });
    const lowered: Capabilities = {
      ...capabilities,
      stream: { ...capabilities.stream, seek: 'position', group: 'none' },
    };
    expect(refusals(meet('b', capabilities, destination))).toBeUndefined();
    expect(refusals(meet('b', lowered, destination))).toMatchInlineSnapshot(`
      "nothing was sent or created, because 2 needs cannot be met:
        stream s: seek "timestamp" cannot be met by b, because the most it has is seek "position". Instead: seek: "position".
        stream s: group "true" cannot be met by b, because it keeps no positions for consumer groups. Instead: read() and keep reader.positions yourself."
    `);
  });

  it('everything unmet is told in one report', () => {
    const ranked = queue('ranked', { schema, needs: { priority: true, dedup: true, order: 'total', ttl: 'native' } });
    expect(refusals(meet('b', broker(weak), ranked))).toMatchInlineSnapshot(`
      "nothing was sent or created, because 5 needs cannot be met:
        queue ranked: priority "true" cannot be met by b, because it has no priority, and Waybill cannot stand in for it. Instead: a broker that has it, or no need for priority.
        queue ranked: dedup "true" cannot be met by b, because it has no dedup, and Waybill cannot stand in for it. Instead: a broker that has it, or no need for dedup.
        queue ranked: order "total" cannot be met by b, because the most it has is order "none". Instead: no need for order.
        queue ranked: ttl "native" cannot be met by b, because it has no ttl of its own. Instead: ttl: true, which lets Waybill do it.
        queue ranked: priority "true" cannot be met by b, because priority and order exclude each other there. Instead: split the destination in two."
    `);
  });

  it('the plan of a weak broker says what is done instead, and what that costs', () => {
    const news = topic('news', { schema, needs: { pattern: true, filter: true, ttl: true } });
    const jobs = queue('jobs', { schema, needs: { delay: true } });
    const poor = {
      ...broker(weak),
      topic: { ...(broker(weak).topic as typeof capabilities.topic), pattern: 'none', filter: 'none' },
    } as const;
    expect(`\n${describePlan([jobs, news].flatMap((one) => meet('b', poor, one)))}\n`).toMatchInlineSnapshot(`
      "
      queue jobs  b  delivery: at-least-once  native
      queue jobs  b  delay: true              emulated: delay queues served by the consumers (needs a running consumer; late by some milliseconds)
      queue jobs  b  deadLetter: true         emulated: a confirmed copy with the cause, then accept (a crash between the two leaves two copies)
      queue jobs  b  retry: 5 attempts        emulated: delay queues served by the consumers (a crash in between leaves two copies; late by some milliseconds)
      topic news  b  delivery: at-least-once  native
      topic news  b  pattern: true            emulated: chosen before the handler (messages that do not match travel all the same)
      topic news  b  filter: true             emulated: chosen before the handler (messages that do not match travel all the same)
      topic news  b  ttl: true                emulated: an expiry time checked before the handler (expired messages take up space until they are reached)
      topic news  b  deadLetter: true         emulated: a confirmed copy with the cause, then accept (a crash between the two leaves two copies)
      topic news  b  retry: 5 attempts        emulated: kept and run again in place (holds a place in flight while it waits)
      "
    `);
    expect(describePlan([])).toBe('');
  });
});

describe('the retry ladder', () => {
  const cases: [string, Parameters<typeof retryStep>[0], number, RetryStep][] = [
    ['ordered', { kind: 'queue', channel: channel({}), ordered: true, brokerDelayMs: 0 }, 1000, 'in-place'],
    ['delayed release', { kind: 'queue', channel: channel({}), ordered: false, brokerDelayMs: 0 }, 1000, 'release'],
    [
      'delayed release, beyond its limit',
      {
        kind: 'queue',
        channel: channel({ delay: 'none', limits: { ...capabilities.queue.limits, maxReleaseDelayMs: 999 } }),
        ordered: false,
        brokerDelayMs: 0,
      },
      1000,
      'delay-queue',
    ],
    [
      'linear release, as scheduled',
      { kind: 'queue', channel: channel({ release: 'linear', delay: 'none' }), ordered: false, brokerDelayMs: 1000 },
      1000,
      'release',
    ],
    [
      'linear release, another time',
      { kind: 'queue', channel: channel({ release: 'linear', delay: 'none' }), ordered: false, brokerDelayMs: 1000 },
      900,
      'delay-queue',
    ],
    [
      'immediate release, at once',
      { kind: 'queue', channel: channel({ release: 'immediate', delay: 'none' }), ordered: false, brokerDelayMs: 0 },
      0,
      'release',
    ],
    [
      'immediate release, later',
      { kind: 'queue', channel: channel({ release: 'immediate', delay: 'none' }), ordered: false, brokerDelayMs: 0 },
      1,
      'delay-queue',
    ],
    [
      'no release, at once',
      { kind: 'queue', channel: channel({ release: 'none', delay: 'none' }), ordered: false, brokerDelayMs: 0 },
      0,
      'send-again',
    ],
    [
      'no release, native delay',
      { kind: 'queue', channel: channel({ release: 'none' }), ordered: false, brokerDelayMs: 0 },
      1000,
      'send-again',
    ],
    [
      'a topic, later',
      { kind: 'topic', channel: channel({ release: 'immediate' }), ordered: false, brokerDelayMs: 0 },
      1000,
      'in-place',
    ],
    [
      'a stream',
      { kind: 'stream', channel: channel({ release: 'none' }), ordered: false, brokerDelayMs: 0 },
      0,
      'in-place',
    ],
  ];
  it.each(cases)('%s', (_, terms, delayMs, step) => {
    expect(retryStep(terms, delayMs)).toBe(step);
  });

  it('a schedule waits its first times the attempt', () => {
    expect([1, 2, 9].map((attempt) => scheduledMs({ firstMs: 100, maxMs: 250 }, attempt))).toEqual([100, 200, 250]);
    expect(scheduledMs(undefined, 3)).toBe(0);
  });

  it('a message enters the longest delay queue that is not too long, or the shortest there is', () => {
    const served = [250, 1000, 4000];
    expect([10_000, 4000, 3999, 1000, 10].map((left) => delayStep(served, left))).toEqual([
      4000, 4000, 1000, 1000, 250,
    ]);
  });

  it('serves the delay queues that the policy can reach, and all of them for delays of its own', () => {
    const plain = channel({ release: 'immediate', delay: 'none' });
    const steps = (backoff: ReturnType<typeof fixed>, attempts = 3) =>
      servedSteps(queue('q', { schema, retry: { attempts, backoff } }), plain);
    expect(steps(fixed(5000))).toEqual([250, 1000, 4000]);
    expect(steps(exponential({ firstMs: 1000, factor: 20 }))).toEqual([250, 1000, 4000, 16_000]);
    expect(steps(linear({ firstMs: 10 }))).toEqual([250]);
    expect(steps(fixed(5000), 1)).toEqual([]);
    expect(steps(fixed(0))).toEqual([250]);
    expect(servedSteps(queue('q', { schema, needs: { delay: true } }), plain)).toHaveLength(8);
    expect(servedSteps(queue('q', { schema, needs: { delay: true } }), channel({}))).toEqual([]);
    expect(servedSteps(queue('q', { schema, needs: { order: 'key' }, key: () => '' }), plain)).toEqual([]);
  });
});
