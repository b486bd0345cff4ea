import { channel } from 'node:diagnostics_channel';
import { describe, expect, it, onTestFinished } from 'vitest';
import { describeEvent, fixed, type Handled, type Middleware, queue, skip, type } from '../../src/index.ts';
import { bench, until } from '../support.ts';

const jobs = queue('jobs', { schema: type<number>(), retry: { attempts: 2, backoff: fixed(1000) } });

describe('middleware', () => {
  it("runs around the handler: the bus's outside, the consumer's inside, first outermost", async () => {
    const order: string[] = [];
    const named =
      (name: string): Middleware =>
      async (_, next) => {
        order.push(`${name} in`);
        const passed = await next();
        order.push(`${name} out`);
        return passed;
      };
    const { bus, clock } = await bench({ jobs }, { bus: { middleware: [named('one'), named('two')] } });
    await bus.jobs.consume(() => void order.push('handler'), { middleware: [named('three')] });
    await bus.jobs.send(1);
    await clock.advance(0);
    expect(order).toEqual(['one in', 'two in', 'three in', 'handler', 'three out', 'two out', 'one out']);
  });

  it('may answer itself: the delivery is accepted, the handler does not run', async () => {
    const { bus, broker, clock } = await bench({ jobs });
    const seen: number[] = [];
    const once: Middleware = (delivery, next) => (delivery.value === 1 ? Promise.resolve(skip) : next());
    await bus.jobs.consume((value) => void seen.push(value), { middleware: [once] });
    await bus.jobs.sendMany([1, 2]);
    await clock.advance(0);
    expect(seen).toEqual([2]);
    expect(broker.settled('jobs').map(({ outcome }) => outcome)).toEqual(['accept', 'accept']);
  });

  it('sees what the handler throws, may throw itself, and both are failures', async () => {
    const { bus, broker, clock } = await bench({ jobs });
    const caught: string[] = [];
    const watching: Middleware = async (_, next) => {
      try {
        return await next();
      } catch (error) {
        caught.push(String(error));
        throw new Error('from the middleware', { cause: error });
      }
    };
    await bus.jobs.consume(
      () => {
        throw new Error('from the handler');
      },
      { middleware: [watching] },
    );
    await bus.jobs.send(1);
    await clock.advance(5000);
    expect(caught).toEqual(['Error: from the handler', 'Error: from the handler']);
    expect(broker.messages('jobs.dead')[0]?.headers['waybill-dead-error']).toBe('Error: from the middleware');
  });

  it('that forgets to pass on, which only JavaScript can write, fails instead of losing the message', async () => {
    const { bus, broker, clock } = await bench({ jobs });
    const forgetful = (async () => {}) as unknown as Middleware;
    await bus.jobs.consume(() => {}, { middleware: [forgetful] });
    await bus.jobs.send(1);
    await clock.advance(5000);
    expect(broker.messages('jobs.dead')).toHaveLength(1);
    expect(broker.messages('jobs.dead')[0]?.headers['waybill-dead-error']).toMatchInlineSnapshot(
      `"WaybillError: a middleware ended without \`return next()\`, or \`return skip\`"`,
    );
  });

  it('applies to batches and loops as well', async () => {
    const { bus, clock, during } = await bench({ jobs });
    let passed = 0;
    const counting: Middleware = (_, next) => {
      passed++;
      return next();
    };
    const consumer = await bus.jobs.consumeBatch(() => {}, { maxMessages: 2, middleware: [counting] });
    await bus.jobs.sendMany([1, 2]);
    await clock.advance(0);
    await during(consumer.close());
    await bus.jobs.send(3);
    for await (const delivery of await bus.jobs.receive({ middleware: [counting] })) {
      await delivery.accept();
      break;
    }
    expect(passed).toBe(3);
  });
});

describe('observation', () => {
  it('a listener that throws, now or later, disturbs nothing', async () => {
    const warnings: string[] = [];
    const listen = (warning: Error & { readonly code?: string }): void =>
      void warnings.push(`${warning.code}: ${warning.message}`);
    process.on('warning', listen);
    onTestFinished(() => void process.off('warning', listen));
    for (const observe of [
      () => {
        throw new Error('now');
      },
      (): void => {
        const later: unknown = Promise.reject(new Error('later'));
        return later as void;
      },
    ]) {
      const { bus, clock, during } = await bench({ jobs }, { bus: { observe } });
      const seen: number[] = [];
      await bus.jobs.consume((value) => void seen.push(value));
      await bus.jobs.send(1);
      await clock.advance(0);
      expect(seen).toEqual([1]);
      await during(bus.close());
    }
    await until(() => warnings.some((one) => one.includes('now')) && warnings.some((one) => one.includes('later')));
    expect([...new Set(warnings)]).toMatchInlineSnapshot(`
      [
        "WAYBILL_OBSERVE: the observe listener failed: Error: now",
        "WAYBILL_OBSERVE: the observe listener failed: Error: later",
      ]
    `);
  });

  it('what is serious becomes a process warning where nobody listens', async () => {
    const warnings: string[] = [];
    const listen = (warning: Error & { readonly code?: string }): void =>
      void warnings.push(`${warning.code}: ${warning.message}`);
    process.on('warning', listen);
    onTestFinished(() => void process.off('warning', listen));
    const plain = queue('plain', { schema: type<number>(), deadLetter: false, retry: { attempts: 1 } });
    const { bus, broker, clock } = await bench({ plain }, { bus: { observe: undefined as never } });
    await bus.plain.consume(() => {
      throw new Error('boom');
    });
    await bus.plain.send(1, { id: 'one' });
    await clock.advance(0);
    broker.faults.disconnect();
    await clock.advance(1000);
    await until(() => warnings.length >= 3);
    expect(warnings).toMatchInlineSnapshot(`
      [
        "WAYBILL_DROPPED: memory: plain: message one given up as exhausted: Error: boom",
        "WAYBILL_LINK: memory is down: WaybillError: memory: the connection was lost (an injected fault)",
        "WAYBILL_CONSUMER: memory: the consumer of plain is waiting: WaybillError: memory: the connection was lost (an injected fault)",
      ]
    `);
  });

  it('publishes on diagnostics channels: what happens, and every handler run', async () => {
    const heard: unknown[] = [];
    const runs: Handled[] = [];
    const onRetry = (event: unknown): void => void heard.push(event);
    const onHandled = (event: unknown): void => void runs.push(event as Handled);
    channel('waybill:retry').subscribe(onRetry);
    channel('waybill:handled').subscribe(onHandled);
    onTestFinished(() => {
      channel('waybill:retry').unsubscribe(onRetry);
      channel('waybill:handled').unsubscribe(onHandled);
    });
    const { bus, clock } = await bench({ jobs });
    await bus.jobs.consume((_, { attempt }) => {
      if (attempt === 1) throw new Error('again');
    });
    await bus.jobs.send(1, { id: 'one' });
    await clock.advance(2000);
    expect(heard).toMatchObject([
      { type: 'retry', broker: 'memory', source: 'jobs', id: 'one', attempt: 1, delayMs: 1000, via: 'release' },
    ]);
    expect(runs).toMatchObject([
      { broker: 'memory', source: 'jobs', id: 'one', attempt: 1, error: { message: 'again' } },
      { broker: 'memory', source: 'jobs', id: 'one', attempt: 2 },
    ]);
    expect(runs.every(({ durationMs }) => durationMs >= 0)).toBe(true);
  });

  it('every event can be said in one line', () => {
    const facts = { broker: 'memory', source: 'jobs', id: 'one' } as const;
    const error = new Error('boom');
    const lines = [
      describeEvent({ type: 'link', broker: 'memory', state: 'down', generation: 1, cause: error }),
      describeEvent({ type: 'link', broker: 'memory', state: 'blocked', generation: 1, cause: 'low on memory' }),
      describeEvent({ type: 'consumer', ...facts, state: 'waiting', cause: error }),
      describeEvent({ type: 'delivery-lost', ...facts }),
      describeEvent({ type: 'retry', ...facts, attempt: 2, delayMs: 1000, via: 'release', error }),
      describeEvent({ type: 'dead-letter', ...facts, reason: 'exhausted', error }),
      describeEvent({ type: 'held', ...facts, id: undefined, target: 'jobs.dead', error }),
      describeEvent({ type: 'dropped', ...facts, reason: 'failed', error }),
    ];
    expect(`\n${lines.join('\n')}\n`).toMatchInlineSnapshot(`
      "
      memory is down: Error: boom
      memory is blocked: low on memory
      memory: the consumer of jobs is waiting: Error: boom
      memory: a delivery of jobs was lost and comes again (message one)
      memory: jobs: attempt 2 failed, again in 1000 ms by release: Error: boom
      memory: jobs: dead-lettered as exhausted: Error: boom
      memory: jobs: message without id is held, because no copy could be stored in jobs.dead: Error: boom
      memory: jobs: message one given up as failed: Error: boom
      "
    `);
  });
});
