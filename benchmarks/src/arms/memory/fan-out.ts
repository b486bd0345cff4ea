import { bytes, connect, topic, type } from '@waybill/core';
import { inArrays } from '../shared/lanes.ts';
import { type Assignment, type Measured, numberIn } from '../shared/measured.ts';
import { endOfTurn, Meter } from '../shared/meter.ts';
import { addFaults, Sequence } from '../shared/sequence.ts';
import { NumberedBytes, readNumber } from './numbered-bytes.ts';
import { Pace } from './pace.ts';

const ticks = topic('ticks', { schema: type<Uint8Array>(), codec: bytes });

/** One publisher, `subscribers` subscriptions with an async handler each. Settings: `subscribers`, `window`,
 * `concurrency`, `ahead` (most messages published and not yet handled by all). */
export async function program(assignment: Assignment): Promise<Measured> {
  const { warmUp, messages } = assignment;
  const window = numberIn(assignment, 'window');
  const subscribers = numberIn(assignment, 'subscribers');
  const concurrency = numberIn(assignment, 'concurrency');
  const numbered = new NumberedBytes(window);
  const sequences = Array.from({ length: subscribers }, () => new Sequence());
  const pace = new Pace(numberIn(assignment, 'ahead') * subscribers);
  await using bus = await connect('memory:', { ticks });
  for (const sequence of sequences) {
    await bus.ticks.subscribe(
      async (value) => {
        sequence.see(readNumber(value));
        pace.handled();
      },
      { concurrency, maxInFlight: concurrency },
    );
  }
  const publish = async (first: number, count: number): Promise<void> => {
    await pace.sending(count * subscribers);
    await bus.ticks.publishMany(Array.from({ length: count }, (_, offset) => numbered.make(first + offset)));
  };
  await inArrays(0, warmUp, window, publish);
  await pace.all();
  await endOfTurn();
  const meter = new Meter();
  meter.start();
  await inArrays(warmUp, messages, window, publish);
  await pace.all();
  await endOfTurn();
  return { ...meter.stop(messages), faults: addFaults(sequences.map((one) => one.faults(warmUp + messages))) };
}
