import { checkDuration, checkFields, isCount } from '../check.ts';
import type { Queue } from '../destination/destination.ts';
import { bytes } from '../codec/codec.ts';
import { queue } from '../destination/destination.ts';
import { type } from '../destination/schema.ts';
import { sleep } from '../clock.ts';
import { steadyBackoffMs } from '../link/backoff.ts';
import { redriveCopy } from '../emulate/copies.ts';
import { placeOf } from '../plan/topology.ts';
import type { Loan } from '../receive/loan.ts';
import type { Carrier } from './carrier.ts';
import { consume } from './consuming.ts';

const defaultIdleMs = 2000;

/**
 * Sends dead letters back where they died: attempts start again, the provenance stays. Each is accepted only when its
 * copy is stored. Ends at `limit`, when the broker says that none is left, or when none came for `idleMs`.
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
  const { clock } = carrier;
  const outlet = carrier.sender.to(
    { kind: 'queue', ...placeOf(destination, carrier.driver.name) },
    carrier.copyTerms(destination),
  );
  let taken = 0;
  let moved = 0;
  let finish!: () => void;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  let idle = clock.after(idleMs, finish);
  const resend = async (loan: Loan): Promise<boolean> => {
    for (let failures = 0; loan.isOpen; failures++) {
      try {
        await outlet.send(redriveCopy(loan, clock.now()));
        return true;
      } catch (error) {
        carrier.observer.emit('held', { source: dead, id: loan.id, target: destination.name, error });
        await sleep(clock, steadyBackoffMs(failures), loan.signal);
      }
    }
    return false;
  };
  const handler = async (_: unknown, loan: Loan): Promise<void> => {
    if (taken >= limit) return void loan.release();
    taken++;
    idle.cancel();
    if (!(await resend(loan))) return;
    moved++;
    idle = clock.after(idleMs, finish);
    if (moved >= limit) finish();
  };
  const source = { kind: 'queue', name: dead, order: 'none' } as const;
  const consumer = await consume(carrier, {
    destination: letters(dead),
    source,
    name: `${dead} (redrive)`,
    handler,
    options: { concurrency: 8 },
  });
  await Promise.race([finished, consumer.ended]);
  idle.cancel();
  await consumer.close();
  return moved;
}

/** Whatever the bytes are, they go back as they are. */
const letters = (dead: string): Queue =>
  queue(dead, { schema: type<Uint8Array>(), codec: bytes, deadLetter: dead, retry: { attempts: 1 } });
