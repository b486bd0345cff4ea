import { setTimeout as pause } from 'node:timers/promises';
import { machineClock } from '../machine-clock.ts';
import { isGone, isStopped, portOpen, probe } from './evidence.ts';
import type { FaultRecord, Scene } from './inject.ts';
import { awaitNotice, awaitRecovery, noticeWithinMs } from './recover.ts';

export const brokerKill = 'SIGKILL of the broker';

/** SIGKILL, and a start on the same data. It is healed when its port is open again. */
export async function killBroker(scene: Scene, record: FaultRecord): Promise<void> {
  const { broker, fleet } = scene;
  const { pid = 0, exited, ports } = broker;
  record.begin(brokerKill, 'broker');
  const begun = machineClock();
  await broker.kill();
  const exit = await exited;
  const found = await probe(ports.amqp);
  record.prove(
    [exit?.signal === 'SIGKILL', isGone(pid), found === 'refused'],
    `pid ${pid} ended by ${exit?.signal ?? exit?.code}, ${isGone(pid) ? 'gone' : 'still there'}; port ${ports.amqp} ${found}`,
  );
  await restart(scene, record, begun);
  await awaitRecovery(scene, record, fleet.slots, begun);
}

async function restart({ broker }: Scene, record: FaultRecord, begun: number): Promise<void> {
  const giveUp = new AbortController();
  const open = portOpen(broker.ports.amqp, giveUp.signal).then(() =>
    record.heal(
      `port ${broker.ports.amqp} open again after ${Math.round(machineClock() - begun)} ms, pid ${broker.pid}`,
    ),
  );
  try {
    await broker.restart();
    await open;
  } catch (error) {
    giveUp.abort(error);
    throw error;
  }
}

/** SIGSTOP: connections are taken and nobody answers. A short one must cost nobody its connection. */
export async function pauseBroker(scene: Scene, record: FaultRecord, length: 'short' | 'long'): Promise<void> {
  const { broker, fleet, heartbeatMs } = scene;
  const { pid = 0, ports } = broker;
  const isLong = length === 'long';
  record.begin(`SIGSTOP of the broker, ${isLong ? 'longer' : 'shorter'} than detection`, 'broker', {
    disconnects: isLong,
  });
  const begun = machineClock();
  await broker.pause();
  const stopped = await isStopped(pid);
  const found = await probe(ports.amqp, 0.4 * heartbeatMs);
  const noticedMs = isLong
    ? await awaitNotice(scene, fleet.slots, begun, noticeWithinMs(heartbeatMs))
    : await pause(Math.max(0, 0.6 * heartbeatMs - (machineClock() - begun)), undefined);
  await broker.resume();
  const pausedMs = machineClock() - begun;
  record.prove(
    [stopped, found === 'silent'],
    `pid ${pid} ${stopped ? 'stopped' : 'running'} for ${Math.round(pausedMs)} ms; a connection was ${found === 'silent' ? 'taken, and no answer came' : found}${noticedMs === undefined ? '' : `; noticed by all after ${Math.round(noticedMs)} ms`}`,
  );
  if (isLong && noticedMs === undefined)
    scene.complain(`${record.id}: not noticed by all within ${Math.round(pausedMs)} ms`);
  if (isLong) await awaitRecovery(scene, record, fleet.slots, begun);
  record.heal(`resumed after ${Math.round(pausedMs)} ms`);
}
