import { describe, expect, it } from 'vitest';
import { queue, topic, type, WaybillError } from '../../src/index.ts';
import type { Driver } from '../../src/driver/index.ts';
import { bench, delegated, type Gate, gate, rejection } from '../support.ts';

const jobs = queue('jobs', { schema: type<number>() });
const later = queue('later', { schema: type<number>(), needs: { delay: true, ttl: true } });
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe('a send', () => {
  it('whose confirm was lost is unknown, and says what to do', async () => {
    const { bus, broker, during } = await bench({ jobs }, { bus: { resend: 'safe' } });
    broker.faults.next('dropConfirm');
    const error = await during(rejection(bus.jobs.send(1)));
    expect(error).toMatchObject({
      code: 'unknown-outcome',
      outcome: 'unknown',
      retryable: false,
      destination: 'jobs',
      broker: 'memory',
    });
    expect(error.message).toMatchInlineSnapshot(
      `"queue jobs: sent, but the answer was lost (WaybillError: memory: jobs: no answer (an injected fault)); it may or may not be stored, so send it again only if twice does no harm"`,
    );
    expect(await bus.jobs.depth()).toMatchObject({ ready: 1 });
  });

  it('that the broker refuses is rejected: certainly not stored', async () => {
    const { bus, broker, during } = await bench({ jobs });
    broker.faults.next('refuseSend');
    const error = await during(rejection(bus.jobs.send(1)));
    expect(error).toMatchObject({ code: 'rejected', outcome: 'rejected' });
    expect(error.message).toMatchInlineSnapshot(`"queue jobs: not sent: memory: jobs: refused (an injected fault)"`);
    expect(await bus.jobs.depth()).toMatchObject({ ready: 0 });
  });

  it('refused for now is sent again by itself, but not with resend: never', async () => {
    const safe = await bench({ jobs }, { bus: { resend: 'safe' } });
    safe.broker.faults.next('overload', 3);
    await safe.during(safe.bus.jobs.send(1));
    expect(await safe.bus.jobs.depth()).toMatchObject({ ready: 1 });
    const never = await bench({ jobs }, { bus: { resend: 'never' } });
    never.broker.faults.next('overload');
    expect(await never.during(rejection(never.bus.jobs.send(1)))).toMatchObject({
      code: 'overloaded',
      retryable: true,
    });
  });

  it('is sent again under the same send id where the broker drops duplicates: stored once', async () => {
    const { bus, broker, during } = await bench({ jobs });
    broker.faults.next('dropConfirm', 2);
    await during(bus.jobs.send(1));
    expect(await bus.jobs.depth()).toMatchObject({ ready: 1 });
    expect(broker.faults.log).toHaveLength(2);
  });

  it('without a connection waits for one, and is unavailable when none came in time', async () => {
    const { bus, broker, clock, during } = await bench({ jobs }, { bus: { sendTimeoutMs: 5000 } });
    broker.faults.pause();
    broker.faults.disconnect();
    await clock.advance(0);
    const sent = bus.jobs.send(1);
    await clock.advance(4000);
    broker.faults.resume();
    await during(sent);
    broker.faults.pause();
    broker.faults.disconnect();
    await clock.advance(0);
    const error = await during(rejection(bus.jobs.send(3)));
    expect(error).toMatchObject({ code: 'unavailable', outcome: 'rejected', retryable: true });
    expect(error.message).toMatchInlineSnapshot(`"queue jobs: not sent: no connection within 5000 ms"`);
  });

  it('that is not answered in time is unknown', async () => {
    const { bus, broker, clock } = await bench({ jobs }, { bus: { sendTimeoutMs: 2000, resend: 'safe' } });
    broker.faults.pause();
    const error = rejection(bus.jobs.send(1));
    await clock.advance(2000);
    expect(await error).toMatchObject({ code: 'unknown-outcome' });
  });

  it('of many tells each that failed, by its index', async () => {
    const { bus, during } = await bench(
      { jobs },
      { broker: { limits: { maxBatch: 4 }, faults: { refuseSend: 0.3 }, seed: 3 } },
    );
    const error = await during(rejection(bus.jobs.sendMany(numbers(50))));
    if (!WaybillError.is(error)) throw error;
    const { ready = 0 } = await bus.jobs.depth();
    expect(error.failures.length + ready).toBe(50);
    expect(error.failures.length).toBeGreaterThan(5);
    expect(error.failures.map(({ index }) => index)).toEqual(
      error.failures.map(({ index }) => index).toSorted((a, b) => a - b),
    );
    expect(error.failures[0]?.error).toMatchObject({ code: 'rejected' });
    expect(error.message.replace(/^\d+/, 'n')).toMatchInlineSnapshot(
      `"n of 50 messages not stored for certain; see failures. First: queue jobs: not sent: memory: jobs: refused (an injected fault)"`,
    );
  });

  it.each([
    ['native', {}],
    ['by Waybill', { queue: { delay: 'none' } }],
  ] as const)('of many with a delay kept %s tells each that failed too', async (_, less) => {
    const { bus, broker, during } = await bench({ later }, { less });
    broker.faults.set({ refuseSend: 0.3 });
    const error = await during(rejection(bus.later.sendMany(numbers(20), { delayMs: 1000 })));
    if (!WaybillError.is(error)) throw error;
    expect(error.failures.length).toBeGreaterThan(0);
    expect(error.failures.length).toBeLessThan(20);
  });

  it('whose signal aborts before they are handed over are not stored, and say so', async () => {
    const { bus, broker, during } = await bench({ jobs }, { bus: { window: 1 } });
    broker.faults.pause();
    const out = bus.jobs.send(0);
    const stop = new AbortController();
    const one = rejection(bus.jobs.send(1, { signal: stop.signal }));
    const many = rejection(bus.jobs.sendMany([2, 3], { signal: stop.signal }));
    await Promise.resolve();
    stop.abort(new Error('enough'));
    expect(await one).toMatchObject({ code: 'aborted', cause: stop.signal.reason });
    expect(await many).toMatchObject({ code: 'aborted', cause: stop.signal.reason });
    broker.faults.clear();
    await during(Promise.all([out, bus.jobs.send(4)]));
    expect(broker.messages('jobs').map((message) => message.json())).toEqual([0, 4]);
  });

  it('whose signal aborts on their way stop waiting, and say that the outcome is unknown', async () => {
    const { bus, broker, clock } = await bench({ jobs });
    broker.faults.pause();
    const stop = new AbortController();
    const one = rejection(bus.jobs.send(1, { signal: stop.signal }));
    const many = rejection(bus.jobs.sendMany([2, 3], { signal: stop.signal }));
    await clock.advance(0);
    stop.abort(new Error('enough'));
    expect(await one).toMatchObject({ code: 'unknown-outcome', cause: stop.signal.reason });
    expect(await many).toMatchObject({ code: 'unknown-outcome', cause: stop.signal.reason });
    expect(await rejection(bus.jobs.send(1, { signal: stop.signal }))).toMatchObject({ code: 'aborted' });
    broker.faults.clear();
  });
});

describe('back pressure', () => {
  it('never has more out than the window', async () => {
    let out = 0;
    let most = 0;
    const counting = sendingThrough(async (send) => {
      most = Math.max(most, (out += send.size));
      await new Promise((resolve) => setImmediate(resolve));
      out -= send.size;
    });
    const { bus, during } = await bench({ jobs }, { bus: { window: 10 }, wrap: counting });
    await during(
      Promise.all([bus.jobs.sendMany(numbers(500)), ...numbers(500).map((number) => bus.jobs.send(number))]),
    );
    expect(await bus.jobs.depth()).toMatchObject({ ready: 1000 });
    expect(most).toBeLessThanOrEqual(10);
    expect(most).toBeGreaterThan(5);
  });

  it('refuses when too many wait', async () => {
    const { bus, broker, during } = await bench({ jobs }, { bus: { window: 2, maxWaiting: 3 } });
    broker.faults.pause();
    const waiting = numbers(5).map((number) => bus.jobs.send(number));
    const error = await rejection(bus.jobs.send(9));
    expect(error).toMatchObject({ code: 'overloaded', retryable: true, outcome: 'rejected' });
    expect(error.message).toMatchInlineSnapshot(
      `"queue jobs: not sent: too many sends wait for the broker already; await them, or use sendMany"`,
    );
    broker.faults.resume();
    await during(Promise.all(waiting));
    expect(await bus.jobs.depth()).toMatchObject({ ready: 5 });
  });

  it('each of a batch has its own time: the answer to a later one still counts after the first gave up', async () => {
    const answers: Gate[] = [];
    const slow = sendingThrough(() => {
      const answer = gate();
      answers.push(answer);
      return answer.promise;
    });
    const { bus, clock } = await bench({ jobs }, { wrap: slow, bus: { window: 4, sendTimeoutMs: 30_000 } });
    const first = Promise.all(numbers(4).map((number) => bus.jobs.send(number)));
    await clock.advance(0);
    const early = rejection(bus.jobs.send(10));
    await clock.advance(20_000);
    const late = bus.jobs.send(11);
    for (const answer of answers) answer.open();
    await first;
    await clock.advance(0);
    const before = answers.length;
    await clock.advance(11_000);
    expect(await early).toMatchObject({ code: 'unknown-outcome' });
    for (const answer of answers.slice(before - 2)) answer.open();
    await clock.advance(5000);
    for (const answer of answers) answer.open();
    await clock.advance(1000);
    await late;
    expect(answers.length - before).toBeLessThan(3);
  });

  it('flush resolves when what was sent before it has its outcome, whatever is sent meanwhile', async () => {
    const { bus, clock, during } = await bench({ jobs }, { bus: { window: 4 }, wrap: slowly });
    const state = { going: true, flushed: false };
    const produce = async (): Promise<void> => {
      while (state.going) await bus.jobs.send(1);
    };
    const producers = [produce(), produce(), produce()];
    await clock.advance(0);
    const flush = bus.flush().then(() => (state.flushed = true));
    for (let turn = 0; turn < 50 && !state.flushed; turn++) await new Promise((resolve) => setImmediate(resolve));
    const inTime = state.flushed;
    state.going = false;
    await during(Promise.all([flush, ...producers]));
    expect(inTime).toBe(true);
  });

  it('flush waits for messages that are still being validated', async () => {
    const checking = gate();
    const schema = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value: unknown) => checking.promise.then(() => ({ value: value as number })),
      },
    } as const;
    const checked = queue('checked', { schema });
    const { bus, clock } = await bench({ checked });
    const sent = bus.checked.send(1);
    let flushed = false;
    const flush = bus.flush().then(() => (flushed = true));
    await clock.advance(0);
    expect(flushed).toBe(false);
    checking.open();
    await Promise.all([sent, flush]);
    expect(await bus.checked.depth()).toMatchObject({ ready: 1 });
  });
});

describe('topics', () => {
  it('take messages that nobody subscribed to', async () => {
    const news = topic('news', { schema: type<string>() });
    const { bus, broker } = await bench({ news });
    await bus.news.publish('nobody hears it');
    await bus.news.publishMany(['a', 'b'], { routingKey: 'x' });
    expect(broker.sent('news')).toHaveLength(3);
  });
});

/** Each call of `send` waits for `before` on its way to the broker. */
const sendingThrough =
  (before: (call: { readonly size: number }) => Promise<void>) =>
  (inner: Driver): Driver => ({
    ...inner,
    connect: async (options) => {
      const link = await inner.connect(options);
      return {
        ...delegated(link),
        send: async (target, batch) => {
          await before({ size: batch.length });
          return link.send(target, batch);
        },
      };
    },
  });
const slowly = sendingThrough(() => new Promise((resolve) => setImmediate(resolve)));
