import { connect } from '@waybill/core';
import { inLanes } from '../shared/lanes.ts';
import { type Assignment, type Measured, numberIn, textIn } from '../shared/measured.ts';
import { endOfTurn, Meter } from '../shared/meter.ts';
import { indexOf, makeOrders } from '../shared/order.ts';
import { lone } from '../waybill/places.ts';
import { addFaults, Sequence } from '../shared/sequence.ts';

/**
 * The same messages over `destinations` queues with a consumer each: arrays of `batch`, to one queue after the other,
 * `lanes` of them at a time.
 */
export async function program(assignment: Assignment): Promise<Measured> {
  const { warmUp, messages } = assignment;
  const batch = numberIn(assignment, 'batch');
  const names = Array.from(
    { length: numberIn(assignment, 'destinations') },
    (_, index) => `${textIn(assignment, 'queue')}-${index}`,
  );
  const queues = Object.fromEntries(names.map((name) => [name, lone(name)]));
  await using bus = await connect(textIn(assignment, 'url'), queues, { topology: 'assume' });
  let left = 0;
  let finish: () => void = () => undefined;
  const places = names.map((name) => ({ handle: bus[name]!, sequence: new Sequence(), sent: 0 }));
  for (const { handle, sequence } of places) {
    await handle.consume(async (order) => {
      sequence.see(indexOf(order));
      if (--left === 0) finish();
    });
  }
  const send = async (count: number, turn: number): Promise<void> => {
    left = count;
    const handled = new Promise<void>((resolve) => (finish = resolve));
    await inLanes(turn, Math.ceil(count / batch), numberIn(assignment, 'lanes'), async (at) => {
      const place = places[at % places.length]!;
      const size = Math.min(batch, count - (at - turn) * batch);
      place.sent += size;
      await place.handle.sendMany(makeOrders(place.sent - size, size));
    });
    await handled;
    await endOfTurn();
  };
  await send(warmUp, 0);
  const meter = new Meter();
  meter.start();
  await send(messages, Math.ceil(warmUp / batch));
  return { ...meter.stop(messages), faults: addFaults(places.map(({ sequence, sent }) => sequence.faults(sent))) };
}
