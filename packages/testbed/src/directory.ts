import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Where installed servers and the data of running ones live: outside every repository. */
export function testbedDirectory(): string {
  const chosen = process.env['WAYBILL_TESTBED_DIR'];
  if (chosen) return resolve(chosen);
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'waybill-testbed');
}
