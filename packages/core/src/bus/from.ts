import { checkTimestamp, found, isPlain } from '../check.ts';
import type { Stream } from '../destination/destination.ts';
import type { Needs } from '../destination/needs.ts';
import type { StreamCapabilities } from '../driver/capabilities.ts';
import type { From } from '../driver/place.ts';
import { invalid, WaybillError } from '../error/error.ts';
import type { Carrier } from './carrier.ts';

/** Refuses a place to begin that means nothing, and times that look like seconds. */
function checkFrom(where: string, from: unknown): void {
  if (from === 'earliest' || from === 'latest') return;
  if (isPlain(from) && 'timestamp' in from) {
    const problem = checkTimestamp(from['timestamp']);
    if (problem !== undefined) throw invalid(`${where}: from.timestamp ${problem}${found(problem, from['timestamp'])}`);
    return;
  }
  if (isPlain(from) && isPlain(from['after'])) return checkAfter(where, from['after'], from['otherwise']);
  throw invalid(`${where}: from must be 'earliest', 'latest', { timestamp } or { after: positions, otherwise }`);
}

function checkAfter(where: string, after: object, otherwise: unknown): void {
  if (!Object.values(after).every((position) => typeof position === 'string'))
    throw invalid(`${where}: from.after must give a position, as a reader showed it, for each lane`);
  checkFrom(`${where}: otherwise`, otherwise);
}

const seekWords = ['none', 'ends', 'position', 'timestamp'];

/** Refuses a beginning that means nothing, or that the broker cannot find. */
export function checkSeek(carrier: Carrier, destination: Stream<unknown, unknown, Needs>, from: From): void {
  const where = `stream ${destination.name}`;
  checkFrom(where, from);
  const { seek } = carrier.channel(destination) as StreamCapabilities;
  const wanted = typeof from === 'string' ? 'ends' : 'timestamp' in from ? 'timestamp' : 'position';
  if (seekWords.indexOf(seek) >= seekWords.indexOf(wanted)) return;
  throw new WaybillError(
    'unsupported',
    `${where}: ${carrier.driver.name} cannot begin at a ${wanted}; the most it has is "${seek}"`,
    { broker: carrier.driver.name },
  );
}
