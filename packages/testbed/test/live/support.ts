import { vi } from 'vitest';
import { servers } from '../../src/servers.ts';

/** Whatever the environment offers: what follows is about servers of our own. */
export function ignoreGivenServers(): void {
  for (const { lines, urlVariable } of Object.values(servers))
    for (const line of lines) vi.stubEnv(urlVariable(line), undefined);
}
