import { setTimeout as pause } from 'node:timers/promises';
import { leaseMs } from '../load/destinations.ts';
import type { PlannedFault } from '../plan.ts';
import { machineClock } from '../machine-clock.ts';
import { isGone, isStopped } from './evidence.ts';
import type { Fleet, Slot } from './fleet.ts';
import type { FaultRecord, Scene } from './inject.ts';
import { awaitNotice, awaitRecovery } from './recover.ts';

/** It must die at its point within this time, or it is killed where it stands: nothing came along there. */
const atPointWithinMs = 2_000;

/** SIGKILL of a consumer process at a point of a delivery, and another one in its place. */
export async function killConsumer({ fleet, history }: Scene, record: FaultRecord, fault: PlannedFault): Promise<void> {
  const slot = consumerFor({ fleet }, fault);
  const victim = slot.process;
  const { pid = 0, setup } = victim;
  record.begin(`SIGKILL of a consumer, ${fault.point}`, 'process', { target: setup.name });
  victim.order({ order: 'die', at: fault.point });
  const late = setTimeout(() => victim.signal('SIGKILL'), atPointWithinMs);
  const exit = await victim.exited.finally(() => clearTimeout(late));
  history.record({ type: 'process.exit', exited: setup.name, ...(exit.signal && { signal: exit.signal }) });
  record.prove(
    [exit.signal === 'SIGKILL', isGone(pid)],
    `${setup.name}, pid ${pid}, ended by ${exit.signal ?? exit.code}, ${isGone(pid) ? 'gone' : 'still there'}`,
  );
  await replace(fleet, slot, record);
}

async function replace(fleet: Fleet, slot: Slot, record: FaultRecord): Promise<void> {
  const replacement = fleet.replace(slot);
  await fleet.until(`${replacement.setup.name} to be ready`, () => replacement.isReady, 60_000);
  record.heal(`${replacement.setup.name}, pid ${replacement.pid}, consumes in its place`);
}

/** It must close its consumers, and give back what it holds, within this time. */
const closeWithinMs = 10_000;

/** An orderly end under load, as at every deployment, and another process in its place. */
export async function restartConsumer(scene: Scene, record: FaultRecord, fault: PlannedFault): Promise<void> {
  const { fleet, history } = scene;
  const slot = consumerFor(scene, fault);
  const { process: leaving } = slot;
  const { setup, pid } = leaving;
  record.begin('orderly restart of a consumer', 'process', { target: setup.name });
  const begun = machineClock();
  leaving.order({ order: 'stop' });
  const late = setTimeout(() => leaving.signal('SIGKILL'), closeWithinMs);
  const { code, signal } = await leaving.exited.finally(() => clearTimeout(late));
  history.record({
    type: 'process.exit',
    exited: setup.name,
    ...(code !== null && { code }),
    ...(signal && { signal }),
  });
  const evidence = `${setup.name}, pid ${pid}, ended with ${signal ?? `code ${code}`} after ${Math.round(machineClock() - begun)} ms`;
  record.prove([code === 0], evidence);
  if (code !== 0) scene.complain(`${record.id}: ${evidence}:\n${leaving.output}`);
  await replace(fleet, slot, record);
}

/** SIGSTOP of a consumer until the broker has given it up: what it says afterwards must change nothing. */
export async function stopConsumer(scene: Scene, record: FaultRecord, fault: PlannedFault): Promise<void> {
  const slot = consumerFor(scene, fault);
  const { process: victim } = slot;
  const { pid = 0, setup } = victim;
  record.begin('SIGSTOP of a consumer, longer than detection', 'process', { target: setup.name });
  const begun = machineClock();
  victim.signal('SIGSTOP');
  const stopped = await isStopped(pid);
  const { standstill } = scene.broker;
  const losesConnection = standstill === 'its connection ends';
  await pause(losesConnection ? scene.noticeWithinMs : Math.max(scene.noticeWithinMs, 2 * leaseMs));
  victim.signal('SIGCONT');
  const stoppedMs = Math.round(machineClock() - begun);
  const noticedMs = await awaitNotice(scene, [slot], begun, losesConnection ? scene.noticeWithinMs : leaseMs);
  record.prove(
    [stopped, noticedMs !== undefined || !losesConnection],
    `${setup.name}, pid ${pid}, ${stopped ? 'stopped' : 'running'} for ${stoppedMs} ms; ${noticedMs === undefined ? 'its connection lived through it' : `its connection was gone after ${Math.round(noticedMs)} ms`}`,
  );
  if (noticedMs !== undefined) await awaitRecovery(scene, record, [slot], begun);
  record.heal(`resumed, and consuming again`);
}

function consumerFor({ fleet }: Pick<Scene, 'fleet'>, { victim }: PlannedFault): Slot {
  const consumers = fleet.slotsOf('consumer');
  return consumers[victim % consumers.length]!;
}
