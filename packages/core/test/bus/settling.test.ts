import { describe, expect, it } from 'vitest';
import { deadLettersOf, type Delivery, exponential, fixed, queue, type Settled, type } from '../../src/index.ts';
import { bench, gate, thrown } from '../support.ts';

const jobs = queue('jobs', { schema: type<string>(), retry: { attempts: 3, backoff: fixed(1000) } });

describe('settling by hand', () => {
  it('accepts once; a second accept does nothing and has the same answer', async () => {
    const { bus, broker, clock } = await bench({ jobs });
    const answers: Settled[] = [];
    await bus.jobs.consume(async (_, delivery) => {
      answers.push(...(await Promise.all([delivery.accept(), delivery.accept()])), await delivery.accept());
    });
    await bus.jobs.send('a');
    await clock.advance(0);
    expect(answers).toEqual(['settled', 'settled', 'settled']);
    expect(broker.settled('jobs').map(({ outcome }) => outcome)).toEqual(['accept']);
  });

  it('refuses another word after the first, and the first one holds', async () => {
    const { bus, broker, clock } = await bench({ jobs });
    const errors: unknown[] = [];
    await bus.jobs.consume(async (_, delivery) => {
      const accepted = delivery.accept();
      errors.push(
        thrown(() => delivery.reject('no')),
        thrown(() => delivery.release()),
      );
      await accepted;
      errors.push(thrown(() => delivery.reject('too late')));
    });
    await bus.jobs.send('a');
    await clock.advance(0);
    expect(errors).toMatchObject([
      { code: 'already-settled' },
      { code: 'already-settled' },
      { code: 'already-settled' },
    ]);
    expect(String(errors[0])).toMatchInlineSnapshot(
      `"WaybillError: jobs: the delivery is settled with accept, so reject does nothing; settle a delivery once"`,
    );
    expect(broker.settled('jobs').map(({ outcome }) => outcome)).toEqual(['accept']);
    expect(await bus.jobs.depth()).toMatchObject({ ready: 0, inFlight: 0 });
  });

  it('gives back at once and as no attempt without a delay', async () => {
    const { bus, clock } = await bench({ jobs });
    const attempts: number[] = [];
    await bus.jobs.consume(async (_, delivery) => {
      attempts.push(delivery.attempt);
      if (attempts.length < 8) await delivery.release();
    });
    await bus.jobs.send('a');
    await clock.advance(0);
    expect(attempts).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
  });

  it('gives back for a time, as a failed attempt, and buries when there is none left', async () => {
    const { bus, clock, broker } = await bench({ jobs });
    const runs: { attempt: number; at: number }[] = [];
    const began = clock.now();
    await bus.jobs.consume(async (_, delivery) => {
      runs.push({ attempt: delivery.attempt, at: clock.now() - began });
      await delivery.release({ delayMs: 5000 });
    });
    await bus.jobs.send('a');
    await clock.advance(60_000);
    expect(runs).toEqual([
      { attempt: 1, at: 0 },
      { attempt: 2, at: 5000 },
      { attempt: 3, at: 10_000 },
    ]);
    expect(broker.messages('jobs.dead')).toHaveLength(1);
  });

  it('rejects for good, and the dead letter tells why', async () => {
    const { bus, clock } = await bench({ jobs });
    await bus.jobs.consume((_, delivery) => delivery.reject('no such customer'));
    await bus.jobs.send('a', { id: 'one' });
    await clock.advance(0);
    const letters: Delivery[] = [];
    const dead = await bus.attach(deadLettersOf(jobs));
    await dead.consume((_, letter) => void letters.push(letter));
    await clock.advance(0);
    expect(letters.map(({ id, value, deadLetter }) => ({ id, value, deadLetter }))).toEqual([
      {
        id: 'one',
        value: 'a',
        deadLetter: {
          reason: 'rejected',
          error: 'no such customer',
          from: 'jobs',
          attempts: 1,
          at: clock.now(),
        },
      },
    ]);
  });

  it('gives back what leaves its scope unsettled', async () => {
    const { bus, clock } = await bench({ jobs });
    const attempts: number[] = [];
    const deliveries = await bus.jobs.receive();
    await bus.jobs.send('a');
    for await (const delivery of deliveries) {
      await using scoped = delivery;
      attempts.push(scoped.attempt);
      if (attempts.length === 3) break;
    }
    await clock.advance(0);
    expect(attempts).toEqual([1, 1, 1]);
    expect(await bus.jobs.depth()).toMatchObject({ ready: 1, inFlight: 0 });
  });

  it('touches nothing after the link was lost: the late settlement is told "lost", and the message comes again', async () => {
    const { bus, broker, clock, events } = await bench({ jobs });
    const held = gate();
    const told: Settled[] = [];
    const aborted: boolean[] = [];
    await bus.jobs.consume(async (_, delivery) => {
      if (delivery.redelivered) return;
      await held.promise;
      aborted.push(delivery.signal.aborted);
      told.push(await delivery.accept(), await delivery.extend());
    });
    await bus.jobs.send('a', { id: 'one' });
    await clock.advance(0);
    broker.faults.disconnect();
    await clock.advance(1000);
    held.open();
    await clock.advance(0);
    expect(told).toEqual(['lost', 'lost']);
    expect(aborted).toEqual([true]);
    expect(events).toContainEqual({ type: 'delivery-lost', broker: 'memory', source: 'jobs', id: 'one' });
    expect(broker.settled('jobs').map(({ outcome, attempt }) => [outcome, attempt])).toEqual([['accept', 2]]);
  });

  it('settles again what the broker failed to settle', async () => {
    const { bus, broker, clock } = await bench({ jobs });
    broker.faults.next('failSettle', 3);
    const runs: string[] = [];
    const told: Settled[] = [];
    await bus.jobs.consume(async (value, delivery) => {
      runs.push(value);
      told.push(await delivery.accept());
    });
    await bus.jobs.send('a');
    await clock.advance(2000);
    expect(runs).toEqual(['a']);
    expect(told).toEqual(['settled']);
    expect(broker.settled('jobs').map(({ outcome }) => outcome)).toEqual(['accept']);
  });

  it('keeps the lease of a handler that runs much longer than it', async () => {
    const { bus, broker, clock } = await bench({ jobs });
    const finish = gate();
    let runs = 0;
    await bus.jobs.consume(
      () => {
        runs++;
        return finish.promise;
      },
      { leaseMs: 1000 },
    );
    await bus.jobs.send('a');
    await clock.advance(60_000);
    finish.open();
    await clock.advance(0);
    expect(runs).toBe(1);
    expect(broker.settled('jobs').map(({ outcome }) => outcome)).toEqual(['accept']);
  });

  it('extends by hand', async () => {
    const { bus, clock } = await bench({ jobs });
    const told: Settled[] = [];
    await bus.jobs.consume(async (_, delivery) => void told.push(await delivery.extend()));
    await bus.jobs.send('a');
    await clock.advance(0);
    expect(told).toEqual(['settled']);
  });

  it('a handler that overlaps a release by hand with its own end does not run beside itself', async () => {
    const ordered = queue('ordered', {
      schema: type<string>(),
      needs: { order: 'key' },
      key: (value) => value,
      retry: { attempts: 5, backoff: exponential({ firstMs: 10 }) },
    });
    const { bus, broker, clock } = await bench({ ordered });
    const first = gate();
    const second = gate();
    let running = 0;
    let most = 0;
    let runs = 0;
    await bus.ordered.consume(async (_, delivery) => {
      most = Math.max(most, ++running);
      runs++;
      if (runs === 1) {
        await delivery.release({ delayMs: 10 });
        await first.promise;
      } else await second.promise;
      running--;
    });
    await bus.ordered.send('a');
    await clock.advance(1000);
    expect(most).toBe(1);
    first.open();
    await clock.advance(1000);
    expect(runs).toBe(2);
    expect(broker.settled('ordered')).toEqual([]);
    second.open();
    await clock.advance(0);
    expect(broker.settled('ordered').map(({ outcome }) => outcome)).toEqual(['accept']);
  });
});
