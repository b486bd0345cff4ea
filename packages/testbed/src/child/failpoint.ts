import { holdVariable, type Order, type Reached } from './messages.ts';

const holds = new Map(Object.entries(JSON.parse(process.env[holdVariable] ?? '{}') as Record<string, number>));
const passages = new Map<string, number>();
const releases = new Map<string, () => void>();

if (process.send !== undefined) {
  process.on('message', (order: Order) => {
    if (order.kind === 'hold') holds.set(order.point, order.passage);
    else releases.get(order.point)?.();
  });
  // A child must not outlive the process that watches it, nor be kept alive by being watched.
  process.on('disconnect', () => process.exit(1));
  process.channel?.unref();
}

/**
 * Names a point in a program that `startChild` may run. Tells the parent when it is passed for the first time,
 * and waits there at the passage that the parent has asked to hold. Does nothing in a program run by hand.
 */
export async function failpoint(point: string, detail?: unknown): Promise<void> {
  const passage = (passages.get(point) ?? 0) + 1;
  passages.set(point, passage);
  const isHeld = holds.get(point) === passage;
  if (process.send === undefined || !(isHeld || passage === 1)) return;
  process.send({ point, passage, isHeld, detail } satisfies Reached);
  if (isHeld) await released(point);
}

async function released(point: string): Promise<void> {
  process.channel?.ref();
  await new Promise<void>((resolve) => releases.set(point, resolve));
  releases.delete(point);
  if (releases.size === 0) process.channel?.unref();
}
