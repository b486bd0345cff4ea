import { Gauge } from './gauge.ts';
import { type Assignment, type Measured, numberIn, type Program } from './measured.ts';
import { OpenLoop } from './open-loop.ts';
import type { Order } from './order.ts';
import { measurePublishing } from './publishing.ts';

/** A stock client as one would write it by hand, in one style. */
export interface RawClient {
  /** Starts to consume, from the beginning of what is there; a message is settled when its handler has ended. */
  consume(handle: (order: Order) => Promise<void>): Promise<void>;
  /** Resolves when this one is stored. */
  publish(index: number): Promise<unknown>;
  /** So many, with as many on their way at once as its style allows; resolves when all are stored. */
  publishAll(first: number, count: number): Promise<void>;
  /** Where somebody waits for who left without a word: connections end with the process. */
  close?(): Promise<void>;
}

interface RawPrograms {
  readonly consume: Program;
  readonly publish: Program;
  /** Settings: `rate` (messages per second; 0: as fast as `publishAll` can, to find out how fast that is). */
  readonly endToEnd: Program;
}

/** What the arms of a stock client do. A consumer that fails is an unhandled rejection, which ends the process and with it the run. */
export const rawPrograms = (open: (assignment: Assignment) => Promise<RawClient>): RawPrograms => ({
  async consume(assignment) {
    const client = await open(assignment);
    const gauge = new Gauge(assignment);
    await client.consume(gauge.handle);
    const measured = await gauge.measured();
    await client.close?.();
    return measured;
  },
  async publish(assignment) {
    const client = await open(assignment);
    const measured = await measurePublishing(assignment, (first, count) => client.publishAll(first, count));
    await client.close?.();
    return measured;
  },
  async endToEnd(assignment) {
    const client = await open(assignment);
    const measured = await endToEnd(client, assignment);
    await client.close?.();
    return measured;
  },
});

async function endToEnd(client: RawClient, assignment: Assignment): Promise<Measured> {
  const rate = numberIn(assignment, 'rate');
  if (rate === 0) {
    const gauge = new Gauge(assignment);
    await client.consume(gauge.handle);
    await client.publishAll(0, assignment.warmUp + assignment.messages);
    return gauge.measured();
  }
  const loop = new OpenLoop(assignment, rate);
  await client.consume(loop.handle);
  return loop.run((index) => void client.publish(index));
}
