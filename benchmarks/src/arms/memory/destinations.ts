import { connect, queue } from '@waybill/core';
import { type Assignment, type Measured, numberIn } from '../shared/measured.ts';
import { endOfTurn, Meter } from '../shared/meter.ts';
import { indexOf, makeOrders, type Order } from '../shared/order.ts';
import { addFaults, Sequence } from '../shared/sequence.ts';
import { Pace } from './pace.ts';

/** The same messages over `destinations` queues with a consumer each, in batches of `batch` to one queue after the other. */
export async function program(assignment: Assignment): Promise<Measured> {
  const { warmUp, messages } = assignment;
  const count = numberIn(assignment, 'destinations');
  const batch = numberIn(assignment, 'batch');
  const names = Array.from({ length: count }, (_, index) => `work-${index}`);
  await using bus = await connect('memory:', Object.fromEntries(names.map((name) => [name, queue<Order>(name)])));
  const pace = new Pace(numberIn(assignment, 'ahead'));
  const places = names.map((name) => ({ handle: bus[name]!, sequence: new Sequence(), sent: 0 }));
  for (const { handle, sequence } of places) {
    await handle.consume(async (value) => {
      sequence.see(indexOf(value));
      pace.handled();
    });
  }
  let turn = 0;
  const send = async (total: number): Promise<void> => {
    for (let left = total; left > 0; left -= batch) {
      const place = places[turn++ % count]!;
      const size = Math.min(batch, left);
      await pace.sending(size);
      await place.handle.sendMany(makeOrders(place.sent, size));
      place.sent += size;
    }
    await pace.all();
  };
  await send(warmUp);
  await endOfTurn();
  const meter = new Meter();
  meter.start();
  await send(messages);
  await endOfTurn();
  return { ...meter.stop(messages), faults: addFaults(places.map(({ sequence, sent }) => sequence.faults(sent))) };
}
