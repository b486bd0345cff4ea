import { type BenchOptions, readOptions, usage } from './options.ts';
import { profile } from './profile.ts';
import { runSession } from './session.ts';

function optionsOrExit(): BenchOptions {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    process.exit(1);
  }
}

const options = optionsOrExit();
try {
  await (options.isProfile ? profile(options) : runSession(options));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
