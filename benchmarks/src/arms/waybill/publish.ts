import { inArrays, inLanes } from '../shared/lanes.ts';
import { type Assignment, type Measured, numberIn, textIn } from '../shared/measured.ts';
import { Meter } from '../shared/meter.ts';
import { makeOrder, makeOrders } from '../shared/order.ts';
import { openWay } from './way.ts';

/**
 * Publishes with Waybill. Settings: those of `openWay`, and `style` (`each`: `window` sends at once, each awaited; `many`:
 * sendMany of `array` messages).
 */
export async function program(assignment: Assignment): Promise<Measured> {
  await using way = await openWay(assignment);
  const send = (first: number, count: number): Promise<void> =>
    textIn(assignment, 'style') === 'each'
      ? inLanes(first, count, numberIn(assignment, 'window'), (index) => way.send(makeOrder(index)))
      : inArrays(first, count, numberIn(assignment, 'array'), (at, size) => way.sendMany(makeOrders(at, size)));
  await send(0, assignment.warmUp);
  const meter = new Meter();
  meter.start();
  await send(assignment.warmUp, assignment.messages);
  return meter.stop(assignment.messages);
}
