import type { Proxy } from '@waybill/testbed';
import { machineClock } from '../machine-clock.ts';
import type { PlannedFault } from '../plan.ts';
import type { Slot } from './fleet.ts';
import type { FaultRecord, Scene } from './inject.ts';
import { awaitNotice, awaitRecovery, noticeWithinMs } from './recover.ts';

const slotFor = ({ fleet }: Scene, { victim }: PlannedFault): Slot => fleet.slots[victim % fleet.slots.length]!;

/** Bytes vanish and nobody closes: the process itself has to notice. `toClient` alone lets sends arrive unconfirmed. */
export async function blackHole(
  scene: Scene,
  record: FaultRecord,
  fault: PlannedFault,
  direction: 'both' | 'toClient',
): Promise<void> {
  const slot = slotFor(scene, fault);
  const { proxy, process: victim } = slot;
  const what = direction === 'both' ? 'black hole both ways' : 'black hole for replies';
  record.begin(what, 'network', { target: victim.setup.name });
  const begun = machineClock();
  const before = vanished(proxy);
  const open = openConnections(proxy);
  await proxy.inject({ kind: 'drop' }, direction);
  const noticedMs = await awaitNotice(scene, [slot], begun, noticeWithinMs(scene.heartbeatMs));
  const lost = {
    toServer: vanished(proxy).toServer - before.toServer,
    toClient: vanished(proxy).toClient - before.toClient,
  };
  const kept = open.filter((id) => openConnections(proxy).includes(id)).length;
  record.prove(
    [lost.toClient > 0, direction === 'toClient' || lost.toServer > 0, kept === open.length],
    `${victim.setup.name}: ${lost.toServer} bytes to the server and ${lost.toClient} to the client vanished; ${kept} of ${open.length} connections neither ended nor reset; noticed after ${noticedMs === undefined ? 'too long' : `${Math.round(noticedMs)} ms`}`,
  );
  if (noticedMs === undefined)
    scene.complain(
      `${record.id}: ${victim.setup.name} did not notice a ${what} within ${noticeWithinMs(scene.heartbeatMs)} ms`,
    );
  await proxy.heal();
  await awaitRecovery(scene, record, [slot], begun);
  record.heal('the proxy forwards again');
}

/** RST to both ends of every connection of one process. */
export async function resetConnections(scene: Scene, record: FaultRecord, fault: PlannedFault): Promise<void> {
  const slot = slotFor(scene, fault);
  const { proxy, process: victim } = slot;
  record.begin('reset of all connections', 'network', { target: victim.setup.name });
  const begun = machineClock();
  const open = openConnections(proxy);
  await proxy.inject({ kind: 'reset' });
  const noticedMs = await awaitNotice(scene, [slot], begun, noticeWithinMs(scene.heartbeatMs));
  const left = open.filter((id) => openConnections(proxy).includes(id)).length;
  record.prove(
    [open.length > 0, left === 0, noticedMs !== undefined],
    `${victim.setup.name}: ${open.length} open connections reset, ${left} left; noticed after ${Math.round(noticedMs ?? Infinity)} ms`,
  );
  await awaitRecovery(scene, record, [slot], begun);
  record.heal('the proxy takes connections');
}

/** Bytes that were taken from one end and never given to the other. */
function vanished({ bytes }: Proxy): { readonly toServer: number; readonly toClient: number } {
  const { toServer, toClient } = bytes;
  return { toServer: toServer.received - toServer.forwarded, toClient: toClient.received - toClient.forwarded };
}

function openConnections({ connections }: Proxy): readonly number[] {
  return connections.filter(({ isOpen }) => isOpen).map(({ id }) => id);
}
