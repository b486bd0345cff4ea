import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Everything below lies outside the repository, so that nothing resolves into it by accident. */
const home = join(tmpdir(), `waybill-packaging-${process.pid}`);

export const places = {
  home,
  /** A copy of the workspace that is built, packed and versioned. */
  staging: join(home, 'staging'),
  tarballs: join(home, 'tarballs'),
  /** The empty project of a user. */
  consumer: join(home, 'consumer'),
} as const;

process.on('exit', () => rmSync(home, { recursive: true, force: true }));
