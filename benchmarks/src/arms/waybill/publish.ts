import { inArrays, inLanes } from '../shared/lanes.ts';
import { type Assignment, type Measured, numberIn, textIn } from '../shared/measured.ts';
import { makeOrder, makeOrders } from '../shared/order.ts';
import { measurePublishing } from '../shared/publishing.ts';
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
  return await measurePublishing(assignment, send);
}
