import { checkTimestamp, isPlain } from '../check.ts';
import type { From } from '../driver/place.ts';
import { WaybillError } from '../error/error.ts';

/** Refuses a place to begin that means nothing, and times that look like seconds. */
export function checkFrom(where: string, from: From | undefined): void {
  if (from === undefined || from === 'earliest' || from === 'latest') return;
  if (isPlain(from) && 'timestamp' in from) {
    const problem = checkTimestamp(from.timestamp);
    if (problem !== undefined) throw new WaybillError('invalid', `${where}: from.timestamp ${problem}, not ${String(from.timestamp)}`);
    return;
  }
  if (isPlain(from) && isPlain(from.after)) return checkAfter(where, from.after, from.otherwise);
  throw new WaybillError('invalid', `${where}: from must be 'earliest', 'latest', { timestamp } or { after: positions, otherwise }`);
}

function checkAfter(where: string, after: object, otherwise: unknown): void {
  if (!Object.values(after).every((position) => typeof position === 'string')) throw new WaybillError('invalid', `${where}: from.after must give a position, as a reader showed it, for each lane`);
  checkFrom(where, otherwise as From | undefined);
}
