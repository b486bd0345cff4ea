import { connect, queue } from '@waybill/core';
import { inArrays } from '../shared/lanes.ts';
import { type Assignment, type Measured, numberIn } from '../shared/measured.ts';
import { endOfTurn, Meter } from '../shared/meter.ts';
import { indexOf, makeOrders, type Order } from '../shared/order.ts';
import { Sequence } from '../shared/sequence.ts';
import { Pace } from './pace.ts';

const work = queue<Order>('work');

/** Sends `backlog` messages that nobody takes, then consumes them all, and so on until all messages went that way. */
export async function program(assignment: Assignment): Promise<Measured> {
  const { warmUp, messages } = assignment;
  const backlog = numberIn(assignment, 'backlog');
  const batch = numberIn(assignment, 'batch');
  const concurrency = numberIn(assignment, 'concurrency');
  await using bus = await connect('memory:', { work });
  const sequence = new Sequence();
  const pace = new Pace(backlog);
  await using consumer = await bus.work.consume(
    async (value) => {
      sequence.see(indexOf(value));
      pace.handled();
    },
    { concurrency, maxInFlight: concurrency },
  );
  const fillAndDrain = async (count: number): Promise<void> => {
    await consumer.pause();
    await inArrays(sequence.seen, count, batch, async (first, size) => {
      await pace.sending(size);
      await bus.work.sendMany(makeOrders(first, size));
    });
    consumer.resume();
    await pace.all();
    await endOfTurn();
  };
  await fillAndDrain(Math.min(backlog, warmUp));
  const meter = new Meter();
  meter.start();
  for (let done = 0; done < messages; done += backlog) await fillAndDrain(Math.min(backlog, messages - done));
  return { ...meter.stop(messages), faults: sequence.faults(Math.min(backlog, warmUp) + messages) };
}
