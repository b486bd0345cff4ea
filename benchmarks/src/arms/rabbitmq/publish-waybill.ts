import { connect } from '@waybill/core';
import { inArrays, inLanes } from '../shared/lanes.ts';
import { type Assignment, type Measured, numberIn, textIn } from '../shared/measured.ts';
import { Meter } from '../shared/meter.ts';
import { makeOrder, makeOrders } from '../shared/order.ts';
import { usual } from './queues.ts';

/**
 * Publishes with Waybill. Settings: `style` (`each`: `window` sends at once, each awaited; `many`: sendMany of `array`
 * messages), `window`.
 */
export async function program(assignment: Assignment): Promise<Measured> {
  const work = usual(textIn(assignment, 'queue'));
  const window = numberIn(assignment, 'window');
  await using bus = await connect(textIn(assignment, 'url'), { work }, { topology: 'verify', window });
  const send = (first: number, count: number): Promise<void> =>
    textIn(assignment, 'style') === 'each'
      ? inLanes(first, count, window, (index) => bus.work.send(makeOrder(index)))
      : inArrays(first, count, numberIn(assignment, 'array'), (at, size) => bus.work.sendMany(makeOrders(at, size)));
  await send(0, assignment.warmUp);
  const meter = new Meter();
  meter.start();
  await send(assignment.warmUp, assignment.messages);
  return meter.stop(assignment.messages);
}
