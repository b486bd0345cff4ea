import { connect } from '@waybill/core';
import { type Assignment, type Measured, numberIn, textIn } from '../shared/measured.ts';
import { makeOrder } from '../shared/order.ts';
import { OpenLoop } from './open-loop.ts';
import { usual } from './queues.ts';

/** Sends and consumes with one bus at a fixed rate. Settings: `prefetch`, `rate` (messages per second). */
export async function program(assignment: Assignment): Promise<Measured> {
  const work = usual(textIn(assignment, 'queue'));
  await using bus = await connect(textIn(assignment, 'url'), { work }, { topology: 'verify' });
  const prefetch = numberIn(assignment, 'prefetch');
  const loop = new OpenLoop(assignment, numberIn(assignment, 'rate'));
  await using _consumer = await bus.work.consume(loop.handle, { concurrency: prefetch, maxInFlight: prefetch });
  // A send that fails is an unhandled rejection here, which ends the process and with it the run.
  return await loop.run((index) => void bus.work.send(makeOrder(index)));
}
