import type { Slot } from './fleet.ts';
import type { FaultRecord, Scene } from './inject.ts';

/** Longer than any recovery may take: who is not back by then is named, and the run is invalid. */
export const patienceMs = 20_000;

/** Resolves when these processes are connected and consume again, or when that took too long. */
export async function awaitRecovery(
  { fleet, complain }: Scene,
  record: FaultRecord,
  slots: readonly Slot[],
  since: number,
): Promise<void> {
  const late = (): readonly Slot[] => slots.filter((slot) => !fleet.isLive(slot, since));
  await fleet
    .until('recovery', () => late().length === 0, patienceMs)
    .catch((error: unknown) => {
      if (late().length === 0 || slots.some(({ process }) => process.hasCrashed)) throw error;
      complain(
        `${record.id}: not back after ${patienceMs} ms: ${late()
          .map(({ name }) => name)
          .join(', ')}`,
      );
    });
}

/** Resolves with how long it took these processes to notice that their connection is gone; without a figure if one did not. */
export async function awaitNotice(
  { fleet }: Scene,
  slots: readonly Slot[],
  since: number,
  withinMs: number,
): Promise<number | undefined> {
  const look = (): boolean => slots.every(({ process }) => process.linkAt.down >= since);
  return fleet.until('notice', look, withinMs).then(
    () => Math.max(...slots.map(({ process }) => process.linkAt.down)) - since,
    () => undefined,
  );
}
