import { WaybillError } from '@waybill/core/driver';
import type { Settings } from './options.ts';
import type { Wire } from './wire.ts';

/** What @platformatic/kafka 2.12.1 says it needs: Node 22.22 or 24.6. */
const oldest: readonly (readonly [major: number, minor: number])[] = [
  [22, 22],
  [24, 6],
];

/** The client library is loaded only when it is used, so that a Node that cannot load it gets a reason. */
export async function openClient(settings: Settings): Promise<Wire> {
  checkNode(process.versions.node);
  const { openWire } = await import('./platformatic/wire.ts');
  return openWire(settings);
}

/** Throws `unsupported` for a Node that the library does not run on. */
export function checkNode(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const line = oldest.findLast(([from]) => from <= major);
  const isEnough = line !== undefined && (major > line[0] || minor >= line[1]) && major !== 23;
  if (isEnough) return;
  throw new WaybillError(
    'unsupported',
    `@platformatic/kafka needs Node 22.22 or 24.6 and newer, this is ${version}; use a newer Node`,
  );
}
