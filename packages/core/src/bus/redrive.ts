import { checkDuration, checkFields, isCount } from '../check.ts';
import { bounded, sleep } from '../clock.ts';
import { bytes } from '../codec/codec.ts';
import { type Queue, queue } from '../destination/destination.ts';
import { type } from '../destination/schema.ts';
import { redriveCopy } from '../emulate/copies.ts';
import { steadyBackoffMs } from '../link/backoff.ts';
import { placeOf } from '../plan/topology.ts';
import { HandOver } from '../receive/hand-over.ts';
import type { Loan } from '../receive/loan.ts';
import type { Outlet } from '../send/outlet.ts';
import type { Carrier } from './carrier.ts';
import { consume } from './consuming.ts';

const defaultIdleMs = 2000;

/**
 * Sends dead letters back where they died: attempts start again, the provenance stays. Each is accepted only when its
 * copy is stored. Ends at `limit`, when none came for `idleMs`, or at the first
 * letter that died after the start: what fails again is not sent round and round.
 */
export async function redrive(
  carrier: Carrier,
  destination: Queue,
  dead: string,
  options: { readonly limit?: number; readonly idleMs?: number } = {},
): Promise<number> {
  checkFields(`queue ${destination.name}: redrive`, options, {
    limit: isCount,
    idleMs: checkDuration({ atLeastMs: 50 }),
  });
  const { limit = Infinity, idleMs = defaultIdleMs } = options;
  const target = { kind: 'queue', ...placeOf(destination, carrier.driver.name) } as const;
  const outlet = carrier.sender.to(target, carrier.copyTerms(destination));
  const source = { kind: 'queue', name: dead, order: 'none' } as const;
  const handOver = new HandOver(false);
  const place = { destination: letters(dead), source, name: `${dead} (redrive)` };
  const consumer = await consume(carrier, { ...place, handler: handOver.handle, options: {}, byHand: true });
  void consumer.ended.then(() => handOver.end());
  const startedAt = carrier.clock.now();
  let moved = 0;
  while (moved < limit) {
    const letter = await nextWithin(carrier, handOver, idleMs);
    if (!letter || (letter.deadLetter?.at ?? 0) > startedAt) break;
    if (await sendBack(carrier, outlet, letter, destination.name)) moved++;
  }
  handOver.end();
  await consumer.close();
  return moved;
}

/** The next letter; none when the wait is over. */
const nextWithin = (carrier: Carrier, handOver: HandOver, idleMs: number): Promise<Loan | undefined> =>
  bounded(carrier.clock, handOver.next(), idleMs, () => new Error('idle')).catch(() => undefined);

/** True when the copy is stored. A letter whose copy fails is kept, said so, and tried again until it is lost to us. */
async function sendBack(carrier: Carrier, outlet: Outlet, letter: Loan, target: string): Promise<boolean> {
  for (let failures = 0; letter.isOpen; failures++) {
    try {
      await outlet.send(redriveCopy(letter, carrier.clock.now()));
      letter.settle({ outcome: 'accept' });
      return true;
    } catch (error) {
      carrier.observer.emit('held', { source: letter.source, id: letter.id, target, error });
      await sleep(carrier.clock, steadyBackoffMs(failures), letter.signal);
    }
  }
  return false;
}

/** Whatever the bytes are, they go back as they are. */
const letters = (dead: string): Queue =>
  queue(dead, { schema: type<Uint8Array>(), codec: bytes, deadLetter: dead, retry: { attempts: 1 } });
