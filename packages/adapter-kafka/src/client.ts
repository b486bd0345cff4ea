import { WaybillError } from '@waybill/core/driver';
import type { Library } from './library.ts';
import type { Client, Settings } from './options.ts';
import type { Wire } from './wire.ts';

/** What @platformatic/kafka 2.12.1 says it needs: Node 22.22 or 24.6. */
const oldest: readonly (readonly [major: number, minor: number])[] = [
  [22, 22],
  [24, 6],
];
const install = 'npm install kafkajs@2.2.4';

/** A client library is loaded only when it is used, so that a Node that cannot load it gets a reason. */
export async function openClient(settings: Settings): Promise<Wire> {
  if (settings.client === 'platformatic') checkNode(process.versions.node);
  const [library, { openWire }] = await Promise.all([load(settings.client), import('./protocol/wire.ts')]);
  return openWire(library, settings);
}

async function load(client: Client): Promise<Library> {
  if (client === 'platformatic') return (await import('./platformatic/library.ts')).library;
  try {
    return (await import('./kafkajs/library.ts')).library;
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new WaybillError('not-found', `The client library kafkajs is not installed; run: ${install}`, {
      cause: error,
    });
  }
}
const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND';

/** Throws `unsupported` for a Node that the default library does not run on. */
export function checkNode(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const line = oldest.findLast(([from]) => from <= major);
  const isEnough = line !== undefined && (major > line[0] || minor >= line[1]) && major !== 23;
  if (isEnough) return;
  throw new WaybillError(
    'unsupported',
    `@platformatic/kafka needs Node 22.22 or 24.6 and newer, this is ${version}; use a newer Node, or the client library that runs on this one: ${install}, and the option client: 'kafkajs' or ?client=kafkajs in the URL`,
  );
}
