import { bytes, connect, type Queue, queue, type } from '@waybill/core';
import { inArrays, inLanes } from '../shared/lanes.ts';
import { type Assignment, type Measured, numberIn, textIn } from '../shared/measured.ts';
import { endOfTurn, Meter } from '../shared/meter.ts';
import { indexOf, makeOrder, type Order } from '../shared/order.ts';
import { Sequence } from '../shared/sequence.ts';
import { NumberedBytes, readNumber } from './numbered-bytes.ts';
import { Pace } from './pace.ts';

/**
 * One producer, one consumer with an async handler, one queue. Settings: `codec` (`json`: the order, encoded and decoded;
 * `json-small`: an object with a number; `bytes`: four bytes as they are), `send` (`many`: arrays of `window` messages; `each`: so many single sends at once),
 * `window`, `concurrency`, `ahead` (most messages sent and not yet handled).
 */
export function program(assignment: Assignment): Promise<Measured> {
  const codec = textIn(assignment, 'codec');
  switch (codec) {
    case 'json':
      return withOrders(assignment);
    case 'json-small':
      return withNumbers(assignment);
    case 'bytes':
      return withBytes(assignment);
    default:
      throw new Error(`There is no codec "${codec}"`);
  }
}

function withNumbers(assignment: Assignment): Promise<Measured> {
  interface Numbered {
    readonly number: number;
  }
  return run<Numbered>(
    assignment,
    queue<Numbered>('work'),
    (number) => ({ number }),
    ({ number }) => number,
  );
}

function withOrders(assignment: Assignment): Promise<Measured> {
  return run<Order>(assignment, queue<Order>('work'), makeOrder, indexOf);
}

function withBytes(assignment: Assignment): Promise<Measured> {
  const numbered = new NumberedBytes(numberIn(assignment, 'window'));
  const destination = queue('work', { schema: type<Uint8Array>(), codec: bytes });
  return run<Uint8Array>(assignment, destination, numbered.make, readNumber);
}

async function run<T>(
  assignment: Assignment,
  destination: Queue<T>,
  make: (index: number) => T,
  read: (value: T) => number,
): Promise<Measured> {
  const { warmUp, messages } = assignment;
  const window = numberIn(assignment, 'window');
  const concurrency = numberIn(assignment, 'concurrency');
  await using bus = await connect('memory:', { work: destination });
  const sequence = new Sequence();
  const pace = new Pace(numberIn(assignment, 'ahead'));
  await using _consumer = await bus.work.consume(
    async (value) => {
      sequence.see(read(value));
      pace.handled();
    },
    { concurrency, maxInFlight: concurrency },
  );
  const many = async (first: number, count: number): Promise<void> => {
    await pace.sending(count);
    await bus.work.sendMany(Array.from({ length: count }, (_, offset) => make(first + offset)));
  };
  let next = 0;
  const each = async (): Promise<void> => {
    await pace.sending(1);
    // Numbered now: another lane may have gone on while this one waited.
    await bus.work.send(make(next++));
  };
  const send = async (first: number, count: number): Promise<void> => {
    if (textIn(assignment, 'send') === 'many') await inArrays(first, count, window, many);
    else await inLanes(first, count, window, each);
    await pace.all();
  };
  await send(0, warmUp);
  await endOfTurn();
  const meter = new Meter();
  meter.start();
  await send(warmUp, messages);
  await endOfTurn();
  return { ...meter.stop(messages), faults: sequence.faults(warmUp + messages) };
}
