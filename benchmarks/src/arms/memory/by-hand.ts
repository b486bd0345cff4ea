import { type Assignment, type Measured, numberIn } from '../shared/measured.ts';
import { endOfTurn, Meter } from '../shared/meter.ts';
import { indexOf, makeOrder, type Order } from '../shared/order.ts';
import { Sequence } from '../shared/sequence.ts';

/** A queue as one writes it in ten lines: JSON in an array, and an async handler. For the control, not for comparison. */
class QueueByHand {
  #items: string[] = [];

  send(value: Order): void {
    this.#items.push(JSON.stringify(value));
  }

  async drain(handle: (value: Order) => Promise<void>): Promise<void> {
    const items = this.#items;
    this.#items = [];
    for (const item of items) await handle(JSON.parse(item) as Order);
  }
}

export async function program(assignment: Assignment): Promise<Measured> {
  const batch = numberIn(assignment, 'batch');
  const queue = new QueueByHand();
  const sequence = new Sequence();
  const handle = async (value: Order): Promise<void> => sequence.see(indexOf(value));
  const run = async (end: number): Promise<void> => {
    for (let index = sequence.seen; index < end;) {
      for (const stop = Math.min(end, index + batch); index < stop; index++) queue.send(makeOrder(index));
      await queue.drain(handle);
      await endOfTurn();
    }
  };
  const meter = new Meter();
  const total = assignment.warmUp + assignment.messages;
  await run(assignment.warmUp);
  meter.start();
  await run(total);
  return { ...meter.stop(assignment.messages), faults: sequence.faults(total) };
}
