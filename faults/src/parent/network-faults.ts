import type { ProxiedConnection } from '@waybill/testbed';
import type { Way } from '../brokers/faulty-broker.ts';
import { machineClock } from '../machine-clock.ts';
import type { PlannedFault } from '../plan.ts';
import type { Slot } from './fleet.ts';
import type { FaultRecord, Scene } from './inject.ts';
import { awaitNotice, awaitRecovery } from './recover.ts';

const slotFor = ({ fleet }: Scene, { victim }: PlannedFault): Slot => fleet.slots[victim % fleet.slots.length]!;

/** Bytes vanish and nobody closes: the process itself has to notice. `toClient` alone lets sends arrive unconfirmed. */
export async function blackHole(
  scene: Scene,
  record: FaultRecord,
  fault: PlannedFault,
  direction: 'both' | 'toClient',
): Promise<void> {
  const slot = slotFor(scene, fault);
  const { way, process: victim } = slot;
  const what = direction === 'both' ? 'black hole both ways' : 'black hole for replies';
  record.begin(what, 'network', { target: victim.setup.name });
  const begun = machineClock();
  const before = vanished(way);
  const open = openConnections(way);
  await Promise.all(way.proxies.map((proxy) => proxy.inject({ kind: 'drop' }, direction)));
  const noticedMs = await awaitNotice(scene, [slot], begun, scene.noticeWithinMs);
  const lost = {
    toServer: vanished(way).toServer - before.toServer,
    toClient: vanished(way).toClient - before.toClient,
  };
  const kept = open.filter(({ isOpen }) => isOpen).length;
  record.prove(
    // Of both ways one is the proof: who is never asked says nothing, and who waits for an answer asks nothing more.
    [lost.toClient + (direction === 'both' ? lost.toServer : 0) > 0, kept === open.length],
    `${victim.setup.name}: ${lost.toServer} bytes to the server and ${lost.toClient} to the client vanished; ${kept} of ${open.length} connections neither ended nor reset; noticed after ${noticedMs === undefined ? 'too long' : `${Math.round(noticedMs)} ms`}`,
  );
  if (noticedMs === undefined)
    scene.complain(`${record.id}: ${victim.setup.name} did not notice a ${what} within ${scene.noticeWithinMs} ms`);
  await Promise.all(way.proxies.map((proxy) => proxy.heal()));
  await awaitRecovery(scene, record, [slot], begun);
  record.heal('the proxy forwards again');
}

/**
 * RST to both ends of every connection of one process. A client of several servers may mend single connections without
 * losing its link.
 */
export async function resetConnections(scene: Scene, record: FaultRecord, fault: PlannedFault): Promise<void> {
  const slot = slotFor(scene, fault);
  const { way, process: victim } = slot;
  const isAlone = way.proxies.length === 1;
  record.begin('reset of all connections', 'network', { target: victim.setup.name });
  const begun = machineClock();
  const open = openConnections(way);
  await Promise.all(way.proxies.map((proxy) => proxy.inject({ kind: 'reset' })));
  const noticedMs = await awaitNotice(scene, [slot], begun, isAlone ? scene.noticeWithinMs : mendedWithinMs);
  const left = open.filter(({ isOpen }) => isOpen).length;
  record.prove(
    [open.length > 0, left === 0, noticedMs !== undefined || !isAlone],
    `${victim.setup.name}: ${open.length} open connections reset, ${left} left; ${noticedMs === undefined ? 'its link lived through it' : `noticed after ${Math.round(noticedMs)} ms`}`,
  );
  if (noticedMs !== undefined) await awaitRecovery(scene, record, [slot], begun);
  record.heal('the proxy takes connections');
}

/** A link that is lost all the same is lost by then. */
const mendedWithinMs = 2_000;

/** Bytes that were taken from one end and never given to the other. */
function vanished({ proxies }: Way): { readonly toServer: number; readonly toClient: number } {
  const lost = (way: 'toServer' | 'toClient'): number =>
    proxies.reduce((sum, { bytes }) => sum + bytes[way].received - bytes[way].forwarded, 0);
  return { toServer: lost('toServer'), toClient: lost('toClient') };
}

function openConnections({ proxies }: Way): readonly ProxiedConnection[] {
  return proxies.flatMap(({ connections }) => connections.filter(({ isOpen }) => isOpen));
}
