import { execFile } from 'node:child_process';
import { TestbedError } from '../errors.ts';

/** Runs a program to its end and returns its standard output; a failure carries the last lines it printed. */
export async function runCommand(
  command: string,
  commandArguments: readonly string[],
  options: { readonly environment?: NodeJS.ProcessEnv; readonly timeoutMs?: number } = {},
): Promise<string> {
  const settings = {
    env: options.environment ?? process.env,
    timeout: options.timeoutMs ?? 600_000,
    killSignal: 'SIGKILL' as const,
    maxBuffer: 64 * 1024 * 1024,
  };
  return new Promise((resolve, reject) => {
    execFile(command, commandArguments, settings, (error, output, errorOutput) => {
      if (error === null) return resolve(output);
      reject(
        new TestbedError(failure([command, ...commandArguments], error, `${output}${errorOutput}`), { cause: error }),
      );
    });
  });
}

function failure(
  command: readonly string[],
  error: Error & { code?: unknown; killed?: boolean },
  output: string,
): string {
  const reason =
    error.code === 'ENOENT'
      ? 'it is not installed'
      : error.killed
        ? 'it took too long'
        : `exit code ${String(error.code)}`;
  return [`${command.join(' ')} failed: ${reason}`, ...output.trim().split('\n').slice(-15)].join('\n  ');
}
