import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MemoryBroker, virtualClock } from '@waybill/in-memory';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connect, deadLettersOf, describePlan, type Driver, queue, stream, topic, type } from '../../src/index.ts';
import { lowered } from '../lowered.ts';
import { bench, rejection, thrown } from '../support.ts';

const orders = queue('orders', { schema: type<number>(), needs: { order: 'key', delay: true }, key: String });
const jobs = queue('jobs', { schema: type<number>() });
const news = topic('news', { schema: type<string>(), needs: { pattern: true } });
const log = stream('log', { schema: type<number>(), needs: { seek: 'timestamp', group: true } });

describe('the plan', () => {
  it('tells every need and how it is met', async () => {
    const { bus } = await bench({ jobs, news, log });
    expect(`\n${describePlan(bus.plan)}\n`).toMatchInlineSnapshot(`
      "
      queue jobs  memory  delivery: at-least-once  native
      queue jobs  memory  deadLetter: true         emulated: a confirmed copy with the cause, then accept (a crash between the two leaves two copies)
      queue jobs  memory  retry: 5 attempts        native
      topic news  memory  delivery: at-least-once  native
      topic news  memory  pattern: true            native
      topic news  memory  deadLetter: true         emulated: a confirmed copy with the cause, then accept (a crash between the two leaves two copies)
      topic news  memory  retry: 5 attempts        native
      stream log  memory  delivery: at-least-once  native
      stream log  memory  seek: timestamp          native
      stream log  memory  group: true              native
      stream log  memory  retry: 5 attempts        emulated: kept and run again in place (holds a place in flight while it waits)
      "
    `);
    const emulating = await bench(
      { jobs, news },
      { less: { queue: { release: 'immediate', delay: 'none' }, topic: { pattern: 'none', release: 'none' } } },
    );
    expect(`\n${describePlan(emulating.bus.plan)}\n`).toMatchInlineSnapshot(`
      "
      queue jobs  memory  delivery: at-least-once  native
      queue jobs  memory  deadLetter: true         emulated: a confirmed copy with the cause, then accept (a crash between the two leaves two copies)
      queue jobs  memory  retry: 5 attempts        emulated: delay queues served by the consumers (a crash in between leaves two copies; late by some milliseconds)
      topic news  memory  delivery: at-least-once  native
      topic news  memory  pattern: true            emulated: chosen before the handler (messages that do not match travel all the same)
      topic news  memory  deadLetter: true         emulated: a confirmed copy with the cause, then accept (a crash between the two leaves two copies)
      topic news  memory  retry: 5 attempts        emulated: kept and run again in place (holds a place in flight while it waits)
      "
    `);
  });

  it('refuses everything that cannot be met in one report, before any side effect', async () => {
    const clock = virtualClock();
    const broker = new MemoryBroker({ clock });
    const { driver } = lowered(broker.driver(), {
      queue: { order: 'none', priority: 'none', delay: 'none' },
      stream: 'none',
    });
    const ranked = queue('ranked', { schema: type<number>(), needs: { priority: true } });
    const exact = queue('exact', { schema: type<number>(), needs: { delivery: 'exactly-once' } });
    const strict = queue('strict', { schema: type<number>(), needs: { delay: 'native' } });
    const error = await rejection(
      connect(driver, { orders, ranked, exact, strict, log, jobs }, { clock, observe: () => {} }),
    );
    expect(error).toMatchObject({ code: 'unsupported', broker: 'memory' });
    expect(`\n${error.message}\n`).toMatchInlineSnapshot(`
      "
      nothing was sent or created, because 6 needs cannot be met:
        queue orders: order "key" cannot be met by memory, because the most it has is order "none". Instead: no need for order.
        queue orders: delay "true" cannot be met by memory, because a delayed message leaves the order of its key. Instead: drop the order need, or use two destinations.
        queue ranked: priority "true" cannot be met by memory, because it has no priority, and Waybill cannot stand in for it. Instead: a broker that has it, or no need for priority.
        queue exact: delivery "exactly-once" cannot be met by memory, because it cannot store, as one, that a message is done and what its handler sent. Instead: delivery: "at-least-once" and a handler that may run twice, for example by storing the message id with its effect.
        queue strict: delay "native" cannot be met by memory, because it has no delay of its own. Instead: delay: true, which lets Waybill do it.
        stream log: kind "stream" cannot be met by memory, because it has no streams. Instead: route log to another broker.
      "
    `);
    expect(thrown(() => broker.messages('jobs'))).toMatchObject({ code: 'not-found' });
  });

  it('that is refused leaves no connection open', async () => {
    const clock = virtualClock();
    const driver = new MemoryBroker({ clock }).driver();
    const ended: unknown[] = [];
    const watched = {
      ...driver,
      connect: async (options: Parameters<typeof driver.connect>[0]) => {
        const link = await driver.connect(options);
        void link.closed.then((cause) => ended.push(cause));
        return link;
      },
    };
    const exact = queue('exact', { schema: type<number>(), needs: { delivery: 'exactly-once' } });
    const refused = connect(watched as Driver, { exact }, { clock, observe: () => {} });
    expect(await rejection(refused)).toMatchObject({ code: 'unsupported' });
    expect(ended).toEqual([undefined]);
  });

  it('refuses what excludes each other', async () => {
    const clock = virtualClock();
    const both = queue('both', { schema: type<number>(), needs: { order: 'key', priority: true }, key: String });
    const error = await rejection(
      connect(new MemoryBroker({ clock }).driver(), { both } as never, { clock, observe: () => {} }),
    );
    expect(error.message).toMatchInlineSnapshot(`
      "nothing was sent or created, because a need cannot be met:
        queue both: priority "true" cannot be met by memory, because priority and order exclude each other there. Instead: split the destination in two."
    `);
  });
});

describe('attach', () => {
  it('plans, declares and hands over a destination known at run time', async () => {
    const { bus, clock } = await bench({ jobs });
    const late = await bus.attach(queue('late', { schema: type<number>() }));
    const seen: number[] = [];
    await late.consume((value) => void seen.push(value));
    await late.send(1);
    await clock.advance(0);
    expect(seen).toEqual([1]);
    expect(bus.plan.some(({ destination }) => destination === 'late')).toBe(true);
  });

  it('refuses before any side effect, and leaves the bus as it was', async () => {
    const { bus, broker } = await bench({ jobs }, { less: { queue: { priority: 'none' } } });
    const before = bus.plan;
    const error = await rejection(bus.attach(queue('ranked', { schema: type<number>(), needs: { priority: true } })));
    expect(error).toMatchObject({ code: 'unsupported' });
    expect(bus.plan).toEqual(before);
    expect(thrown(() => broker.messages('ranked'))).toMatchObject({ code: 'not-found' });
  });

  it('is there again after a reconnection', async () => {
    const { bus, broker, clock } = await bench({ jobs });
    const late = await bus.attach(queue('late', { schema: type<number>() }));
    broker.faults.disconnect();
    await clock.advance(1000);
    await late.send(1);
    expect(await late.depth()).toMatchObject({ ready: 1 });
  });

  it('twice is one place and one row in the plan', async () => {
    const { bus } = await bench({ jobs });
    const dead = deadLettersOf(jobs);
    await bus.attach(dead);
    const rows = bus.plan.length;
    await bus.attach(dead);
    expect(bus.plan).toHaveLength(rows);
  });
});

describe('topology', () => {
  it('create makes what is missing, and leaves alone what is right', async () => {
    const { bus, driver, clock } = await bench({ jobs, news, log });
    await bus.jobs.send(1);
    const again = await connect(driver, { jobs, news, log }, { clock, topology: 'verify', observe: () => {} });
    expect(await again.jobs.depth()).toMatchObject({ ready: 1 });
    await again.close();
  });

  it('verify fails on what is missing, and makes nothing', async () => {
    const clock = virtualClock();
    const broker = new MemoryBroker({ clock });
    const error = await rejection(connect(broker.driver(), { jobs }, { clock, topology: 'verify', observe: () => {} }));
    expect(error).toMatchObject({ code: 'mismatch' });
    expect(`\n${error.message}\n`).toMatchInlineSnapshot(`
      "
      memory has other places than were declared; change the declaration, or remove the place and start again:
        queue jobs.dead: existence: wanted present, found absent
        queue jobs: existence: wanted present, found absent
      "
    `);
    expect(thrown(() => broker.messages('jobs'))).toMatchObject({ code: 'not-found' });
  });

  it('differences are told by property, wanted and found', async () => {
    const { driver, clock } = await bench({ jobs });
    const other = queue('jobs', { schema: type<number>(), needs: { order: 'key' }, key: String });
    const error = await rejection(connect(driver, { other }, { clock, observe: () => {} }));
    expect(error).toMatchObject({ code: 'mismatch' });
    expect(`\n${error.message}\n`).toMatchInlineSnapshot(`
      "
      memory has other places than were declared; change the declaration, or remove the place and start again:
        queue jobs: order: wanted key, found none
      "
    `);
  });

  it('assume looks at nothing: a missing queue shows when it is used', async () => {
    const clock = virtualClock();
    const broker = new MemoryBroker({ clock });
    const bus = await connect(broker.driver(), { jobs }, { clock, topology: 'assume', observe: () => {} });
    expect(await rejection(bus.jobs.send(1))).toMatchObject({ code: 'not-found', outcome: 'rejected' });
    expect(await rejection(bus.jobs.consume(() => {}))).toMatchObject({ code: 'not-found' });
    await bus.close();
  });
});

describe('routes', () => {
  it('carry each destination to its own broker, and the rest to the default', async () => {
    const clock = virtualClock();
    const [one, two] = [new MemoryBroker({ clock }), new MemoryBroker({ clock })];
    const bus = await connect(
      { default: one.driver(), routes: { news: two.driver() } },
      { jobs, news },
      { clock, observe: () => {} },
    );
    await bus.jobs.send(1);
    expect([bus.native('jobs'), bus.native('news')]).toEqual([one, two]);
    expect([one, two].map((broker) => thrown(() => broker.messages(broker === one ? 'news' : 'jobs')).code)).toEqual([
      'not-found',
      'not-found',
    ]);
    const beside = await bus.attach(queue('beside'), { like: 'news' });
    await beside.send(1);
    expect(two.messages('beside')).toHaveLength(1);
    await bus.close();
  });

  it('to one driver twice share one connection', async () => {
    const clock = virtualClock();
    const driver = new MemoryBroker({ clock }).driver();
    let connections = 0;
    const counted = {
      ...driver,
      connect: (options: Parameters<typeof driver.connect>[0]) => (connections++, driver.connect(options)),
    };
    const bus = await connect(
      { default: counted, routes: { news: counted } },
      { jobs, news },
      { clock, observe: () => {} },
    );
    expect(connections).toBe(1);
    await bus.close();
  });

  it('of two brokers: one that cannot be had closes the other', async () => {
    const clock = virtualClock();
    const good = new MemoryBroker({ clock });
    let closed = false;
    const driver = good.driver();
    const watched = {
      ...driver,
      connect: async (options: Parameters<typeof driver.connect>[0]) => {
        const link = await driver.connect(options);
        void link.closed.then(() => (closed = true));
        return link;
      },
    };
    const bad = {
      ...driver,
      name: 'bad',
      connect: () => Promise.reject(new Error('no')),
      classify: () => 'denied' as const,
    };
    const error = await rejection(
      connect({ default: watched, routes: { news: bad } }, { jobs, news }, { clock, observe: () => {} }),
    );
    expect(error).toMatchObject({ code: 'denied', broker: 'bad' });
    expect(closed).toBe(true);
  });

  it('and the default come from a configuration file', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'waybill-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const file = join(directory, 'brokers.json');
    await writeFile(file, JSON.stringify({ default: 'memory:core-one', routes: { news: 'memory:core-two' } }));
    const bus = await connect(pathToFileURL(file), { jobs, news }, { observe: () => {} });
    await bus.jobs.send(1);
    await bus.news.publish('x');
    expect(bus.native('jobs')).not.toBe(bus.native('news'));
    await bus.close();
  });
});
