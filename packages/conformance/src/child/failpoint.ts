/** From the child: it is at a point. */
export interface Reached {
  readonly point: string;
  /** How many times the point was passed, this time included. */
  readonly passage: number;
  /** It waits there until it is killed. */
  readonly isHeld: boolean;
  /** What the program adds; survives JSON. */
  readonly detail?: unknown;
}

export const holdVariable = 'WAYBILL_CONFORMANCE_HOLD';

const holds = new Map(Object.entries(JSON.parse(process.env[holdVariable] ?? '{}') as Record<string, number>));
const passages = new Map<string, number>();

/** Names a point of a program. Tells the parent at every passage, and waits for its end where it was asked to. */
export async function failpoint(point: string, detail?: unknown): Promise<void> {
  const passage = (passages.get(point) ?? 0) + 1;
  passages.set(point, passage);
  const isHeld = holds.get(point) === passage;
  process.send?.({ point, passage, isHeld, detail } satisfies Reached);
  if (isHeld) await new Promise<never>(() => undefined);
}

/** A child does not outlive the process that watches it. */
export function endWithParent(): void {
  process.on('disconnect', () => process.exit(1));
}
