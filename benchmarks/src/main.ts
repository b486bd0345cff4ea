import { readOptions, usage } from './options.ts';
import { profile } from './profile.ts';
import { runSession } from './session.ts';

try {
  const options = readOptions(process.argv.slice(2));
  await (options.isProfile ? profile(options) : runSession(options));
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  process.exitCode = 1;
}
