import { type Assignment, type Measured, numberIn } from '../shared/measured.ts';
import { OpenLoop } from '../shared/open-loop.ts';
import { makeOrder } from '../shared/order.ts';
import { openWay } from './way.ts';

/** Sends and consumes with one bus at a fixed rate. Settings: those of `openWay`, and `rate` (messages per second). */
export async function program(assignment: Assignment): Promise<Measured> {
  await using way = await openWay(assignment);
  const loop = new OpenLoop(assignment, numberIn(assignment, 'rate'));
  await way.consume(loop.handle);
  // A send that fails is an unhandled rejection here, which ends the process and with it the run.
  return await loop.run((index) => void way.send(makeOrder(index)));
}
