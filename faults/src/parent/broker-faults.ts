import { setTimeout as pause } from 'node:timers/promises';
import type { ServerNode } from '../brokers/faulty-broker.ts';
import { machineClock } from '../machine-clock.ts';
import type { PlannedFault } from '../plan.ts';
import { isGone, isStopped, portOpen, probe } from './evidence.ts';
import type { FaultRecord, Scene } from './inject.ts';
import type { Slot } from './fleet.ts';
import { awaitNotice, awaitRecovery, patienceMs } from './recover.ts';

export const brokerKill = 'SIGKILL of the broker';
const nodeLoss = 'loss of one node of three';

const nodeFor = ({ server: { nodes } }: Scene, { victim }: PlannedFault): ServerNode => nodes[victim % nodes.length]!;

/** SIGKILL, and a start on the same data. It is healed when its port is open again. */
export async function killNode(scene: Scene, record: FaultRecord, fault: PlannedFault): Promise<void> {
  const node = nodeFor(scene, fault);
  const isAlone = scene.server.nodes.length === 1;
  record.begin(isAlone ? brokerKill : nodeLoss, 'broker');
  const begun = machineClock();
  await kill(scene, node, record);
  if (!isAlone) await goOnWithout(scene, record, begun);
  await restart(node, record, begun);
  if (isAlone) await awaitRecovery(scene, record, scene.fleet.slots, begun);
  await scene.server.whole?.();
}

async function kill(scene: Scene, node: ServerNode, record: FaultRecord): Promise<void> {
  const { pid = 0, exited, port } = node;
  await node.kill();
  const exit = await exited;
  const found = await probe(port, scene.broker.greeting);
  record.prove(
    [exit?.signal === 'SIGKILL', isGone(pid), found === 'refused'],
    `pid ${pid} ended by ${exit?.signal ?? exit?.code}, ${isGone(pid) ? 'gone' : 'still there'}; port ${port} ${found}`,
  );
}

/** So many more messages have an outcome: the others carry on. */
const enough = 50;

/** A node stays away for at least this long, so that everybody has to do without it. Milliseconds. */
const awayMs = 5_000;

/** While a node is down everybody is connected, and messages go through, within the time of a recovery. */
async function goOnWithout(
  { fleet, broker: { goesOnWithinMs = 0 }, complain }: Scene,
  record: FaultRecord,
  begun: number,
): Promise<void> {
  const before = fleet.concluded;
  const goesOn = (): boolean => fleet.concluded >= before + enough && fleet.slots.every(isUp);
  await fleet.until('the others to go on', goesOn, patienceMs).catch((error: unknown) => {
    if (fleet.slots.some(({ process }) => process.hasCrashed)) throw error;
  });
  const tookMs = Math.round(machineClock() - begun);
  await pause(Math.max(0, awayMs - tookMs));
  const down = fleet.slots.filter((slot) => !isUp(slot)).map(({ name }) => name);
  record.note(`everybody connected and sends confirmed without it after ${tookMs} ms`);
  if (tookMs > goesOnWithinMs)
    complain(
      `${record.id}: with one node less it went on after ${tookMs} ms, at most ${goesOnWithinMs} ms; not connected: ${down.join(', ') || 'nobody'}`,
    );
}

const isUp = ({ process: { linkAt } }: Slot): boolean => linkAt.live >= linkAt.down;

async function restart(node: ServerNode, record: FaultRecord, begun: number): Promise<void> {
  const giveUp = new AbortController();
  const open = portOpen(node.port, giveUp.signal).then(() =>
    record.heal(`port ${node.port} open again after ${Math.round(machineClock() - begun)} ms, pid ${node.pid}`),
  );
  try {
    await node.restart();
    await open;
  } catch (error) {
    giveUp.abort(error);
    throw error;
  }
}

/** SIGSTOP: connections are taken and nobody answers. A short one must cost nobody its connection. */
export async function pauseNode(
  scene: Scene,
  record: FaultRecord,
  fault: PlannedFault,
  length: 'short' | 'long',
): Promise<void> {
  const { fleet, heartbeatMs, broker } = scene;
  const node = nodeFor(scene, fault);
  const { pid = 0, port } = node;
  const isLong = length === 'long';
  const isAlone = scene.server.nodes.length === 1;
  record.begin(`SIGSTOP of the broker, ${isLong ? 'longer' : 'shorter'} than detection`, 'broker', {
    disconnects: isLong,
  });
  const begun = machineClock();
  await node.pause();
  const stopped = await isStopped(pid);
  const found = await probe(port, broker.greeting, 0.4 * heartbeatMs);
  const noticedMs = isLong
    ? await awaitNotice(scene, isAlone ? fleet.slots : [], begun, scene.noticeWithinMs)
    : await pause(Math.max(0, 0.6 * heartbeatMs - (machineClock() - begun)), undefined);
  await node.resume();
  const pausedMs = machineClock() - begun;
  record.prove(
    [stopped, found === 'silent'],
    `pid ${pid} ${stopped ? 'stopped' : 'running'} for ${Math.round(pausedMs)} ms; a connection was ${found === 'silent' ? 'taken, and no answer came' : found}${noticedMs === undefined ? '' : `; noticed by all after ${Math.round(noticedMs)} ms`}`,
  );
  if (isLong && noticedMs === undefined)
    scene.complain(`${record.id}: not noticed by all within ${Math.round(pausedMs)} ms`);
  if (isLong && isAlone) await awaitRecovery(scene, record, fleet.slots, begun);
  await scene.server.whole?.();
  record.heal(`resumed after ${Math.round(pausedMs)} ms`);
}
