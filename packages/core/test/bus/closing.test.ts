import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { MemoryBroker, virtualClock } from '@waybill/in-memory';
import { describe, expect, it } from 'vitest';
import { connect, fixed, queue, stream, topic, type } from '../../src/index.ts';
import { bench, countedClock, gate, rejection, turnUntil } from '../support.ts';

const jobs = queue('jobs', { schema: type<number>(), retry: { attempts: 5, backoff: fixed(3_600_000) } });
const news = topic('news', { schema: type<number>() });
const log = stream('log', { schema: type<number>(), needs: { seek: 'timestamp', group: true } });

describe('closing a consumer', () => {
  it('lets running handlers end, and gives the rest back as no attempt', async () => {
    const { bus, clock, broker, during } = await bench({ jobs });
    const held = gate();
    const done: number[] = [];
    const consumer = await bus.jobs.consume(
      async (value) => {
        await held.promise;
        done.push(value);
      },
      { concurrency: 2, maxInFlight: 4 },
    );
    await bus.jobs.sendMany([1, 2, 3, 4, 5]);
    await clock.advance(0);
    const closing = consumer.close();
    await clock.advance(1000);
    expect(done).toEqual([]);
    held.open();
    await during(closing);
    expect(done).toEqual([1, 2]);
    expect(broker.messages('jobs').map(({ body }) => String(body))).toEqual(['3', '4', '5']);
    const attempts: number[] = [];
    await bus.jobs.consume((_, { attempt }) => void attempts.push(attempt));
    await clock.advance(0);
    expect(attempts).toEqual([1, 1, 1]);
  });

  it('waits at most drainMs; what still runs is lost, and is told so', async () => {
    const { bus, clock } = await bench({ jobs });
    const aborted: unknown[] = [];
    const consumer = await bus.jobs.consume(
      (_, { signal }) => new Promise(() => signal.addEventListener('abort', () => aborted.push(signal.reason))),
      { drainMs: 2000 },
    );
    await bus.jobs.send(1);
    await clock.advance(0);
    let closed = false;
    const closing = consumer.close().then(() => (closed = true));
    await clock.advance(1999);
    expect(closed).toBe(false);
    await clock.advance(1);
    await closing;
    expect(aborted).toMatchObject([{ code: 'lease-lost' }]);
    expect(await bus.jobs.depth()).toMatchObject({ ready: 1, inFlight: 0 });
  });

  it('waits for a handler that settled early and goes on', async () => {
    const { bus, clock, during } = await bench({ jobs });
    const held = gate();
    let ended = false;
    const consumer = await bus.jobs.consume(async (_, delivery) => {
      await delivery.accept();
      await held.promise;
      ended = true;
    });
    await bus.jobs.send(1);
    await clock.advance(0);
    let closed = false;
    const closing = consumer.close().then(() => (closed = true));
    await clock.advance(1000);
    expect(closed).toBe(false);
    held.open();
    await during(closing);
    expect(ended).toBe(true);
  });

  it('gives back what it holds while it is paused', async () => {
    const { bus, clock, during } = await bench({ jobs });
    const seen: number[] = [];
    const consumer = await bus.jobs.consume((value) => void seen.push(value));
    await consumer.pause();
    await bus.jobs.sendMany([1, 2]);
    await clock.advance(0);
    await during(consumer.close());
    expect(seen).toEqual([]);
    expect(await bus.jobs.depth()).toMatchObject({ ready: 2, inFlight: 0 });
  });

  it('does not wait for messages in an emulated delay', async () => {
    const less = { queue: { release: 'immediate', delay: 'none' } } as const;
    const { bus, clock, during, timers } = await bench({ jobs }, { less });
    const consumer = await bus.jobs.consume(() => {
      throw new Error('again');
    });
    await bus.jobs.send(1);
    await clock.advance(1000);
    await during(consumer.close(), 1000);
    await during(bus.close(), 1000);
    expect(timers()).toBe(0);
  });

  it('is idempotent, and says closed once', async () => {
    const { bus, events, during } = await bench({ jobs });
    const consumer = await bus.jobs.consume(() => {});
    await during(Promise.all([consumer.close(), consumer.close(), consumer[Symbol.asyncDispose]()]));
    expect(events.filter((event) => event.type === 'consumer' && event.state === 'closed')).toHaveLength(1);
  });
});

describe('closing the bus', () => {
  it('gives every send its outcome first', async () => {
    const { bus, broker, during } = await bench({ jobs });
    const sends = [1, 2, 3].map((number) => bus.jobs.send(number));
    const many = bus.jobs.sendMany([4, 5]);
    await during(bus.close());
    await Promise.all([...sends, many]);
    expect(broker.messages('jobs')).toHaveLength(5);
  });

  it('without a connection refuses what waits, as closed', async () => {
    const { bus, broker, clock, during } = await bench({ jobs });
    broker.faults.pause();
    broker.faults.disconnect();
    await clock.advance(0);
    const waiting = rejection(bus.jobs.send(1));
    await during(bus.close(), 1000);
    expect(await waiting).toMatchObject({ code: 'closed' });
  });

  it('ends loops and readers', async () => {
    const { bus, clock, during } = await bench({ jobs, news, log });
    const loops = Promise.all([
      (async () => {
        for await (const delivery of await bus.jobs.receive()) await delivery.accept();
      })(),
      (async () => {
        for await (const delivery of await bus.news.receive()) await delivery.accept();
      })(),
      (async () => {
        for await (const record of bus.log.read()) expect(record.value).toBe(1);
      })(),
    ]);
    await bus.log.append(1);
    await clock.advance(0);
    await during(bus.close(), 1000);
    await during(loops, 1000);
  });

  it('while a consumer opens ends that consumer', async () => {
    const { bus, during } = await bench({ jobs });
    const loop = (async () => {
      for await (const delivery of await bus.jobs.receive()) await delivery.accept();
      return 'ended';
    })().catch((error: Error & { readonly code?: string }) => error.code);
    const consuming = bus.jobs
      .consume(() => {})
      .then(
        ({ state }) => state,
        (error: Error & { readonly code?: string }) => error.code,
      );
    await during(bus.close(), 1000);
    expect(['ended', 'closed']).toContain(await during(loop, 1000));
    expect(['closed']).toContain(await during(consuming, 1000));
  });

  it('while it connects stops connecting', async () => {
    const real = virtualClock();
    const clock = countedClock(real);
    const broker = new MemoryBroker({ clock: real });
    broker.faults.pause();
    broker.faults.disconnect();
    const connecting = rejection(
      connect(broker.driver(), { jobs }, { clock, connectTimeoutMs: 500, observe: () => {} }),
    );
    expect(await turnUntil(real, connecting)).toMatchObject({ code: 'unavailable' });
    expect(clock.waiting).toBe(0);
  });

  it('during a reconnection needs no connection', async () => {
    const { bus, broker, clock, during, timers } = await bench({ jobs });
    await bus.jobs.consume(() => {});
    broker.faults.pause();
    broker.faults.disconnect();
    await clock.advance(3000);
    await during(bus.close(), 1000);
    expect(timers()).toBe(0);
  });

  it('leaves no timer, whatever went on', async () => {
    const ordered = queue('ordered', {
      schema: type<number>(),
      needs: { order: 'key' },
      key: String,
      retry: { backoff: fixed(3_600_000) },
    });
    const { bus, clock, during, timers, broker } = await bench({ jobs, ordered, log });
    await bus.ordered.consume(() => {
      throw new Error('again');
    });
    await bus.jobs.consume(
      () => {
        throw new Error('again');
      },
      { handlerTimeoutMs: 86_400_000 },
    );
    await bus.log.consume(() => {}, { group: 'g' });
    broker.faults.set({ failSettle: 0.5, overload: 0.5 });
    await during(
      Promise.all([bus.ordered.sendMany([1, 2, 3]), bus.jobs.sendMany([1, 2, 3]), bus.log.appendMany([1, 2, 3])]),
    );
    await clock.advance(1000);
    broker.faults.clear();
    await during(bus.close());
    expect(timers()).toBe(0);
  });

  it('late validation is refused, and leaves no timer', async () => {
    const checking = gate();
    const schema = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value: unknown) => checking.promise.then(() => ({ value: value as number })),
      },
    } as const;
    const { bus, clock, during, timers } = await bench({ checked: queue('checked', { schema }) });
    const sent = bus.checked.send(1).then(
      () => 'stored',
      (error: Error & { readonly code?: string }) => error.code,
    );
    const closing = bus.close();
    await clock.advance(0);
    checking.open();
    await during(closing);
    expect(['stored', 'closed']).toContain(await during(sent));
    expect(timers()).toBe(0);
  });

  it('lets a process end by itself, at once', async () => {
    const program = fileURLToPath(new URL('../programs/ends.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--conditions=waybill-source', '--disable-warning=ExperimentalWarning', program],
      { timeout: 20_000 },
    );
    const { after, endedWithinMs } = JSON.parse(stdout) as { readonly after: string[]; readonly endedWithinMs: number };
    expect(after).toEqual([]);
    expect(endedWithinMs).toBeLessThan(1000);
  });
});

describe('after close', () => {
  it('every method of the bus and of its handles rejects with closed', async () => {
    const { bus, during } = await bench({ jobs, news, log });
    await during(bus.close());
    const outcomes: Record<string, unknown> = {};
    const places = {
      bus: { attach: bus.attach, flush: bus.flush, ping: bus.ping, native: bus.native },
      jobs: bus.jobs,
      news: bus.news,
      log: bus.log,
    };
    for (const [place, members] of Object.entries(places)) {
      for (const [name, member] of Object.entries(members)) {
        if (typeof member !== 'function') continue;
        const call = async (): Promise<unknown> => (member as (...given: unknown[]) => unknown).call(members, jobs, {});
        outcomes[`${place}.${name}`] = (await rejection(call())).code;
      }
    }
    expect(Object.keys(outcomes).length).toBeGreaterThan(20);
    expect(new Set(Object.values(outcomes))).toEqual(new Set(['closed']));
    await bus.close();
  });

  it('every member of a bus is known to this test', async () => {
    const { bus } = await bench({ jobs });
    expect(Object.keys(bus).toSorted()).toEqual([
      'attach',
      'close',
      'flush',
      'jobs',
      'native',
      'ping',
      'plan',
      'state',
    ]);
  });

  it('consumers do nothing, and say closed', async () => {
    const { bus, during } = await bench({ log });
    const consumer = await bus.log.consume(() => {}, { group: 'g' });
    await during(bus.close());
    expect(consumer.state).toBe('closed');
    await consumer.pause();
    consumer.resume();
    await consumer.close();
    expect(consumer.state).toBe('closed');
    expect(await rejection(consumer.seek('earliest'))).toMatchObject({ code: 'closed' });
  });
});
