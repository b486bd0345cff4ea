import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from './workspace.ts';

export interface CommandOptions {
  /** Default: the root of the workspace. */
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Shows the output while the command runs, for those that take minutes. Default: only kept. */
  readonly show?: boolean;
  /** Ends the command with SIGTERM, which is a failure. Default: no limit. */
  readonly timeoutMs?: number;
}

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  /** Both streams, as they came. Empty when the output was shown. */
  readonly output: string;
}

/** A command that ended with another exit code than 0. Its message holds the whole output. */
class CommandFailed extends Error {
  constructor(command: readonly string[], { exitCode, output }: CommandResult) {
    const words = command.map((word) => (word === process.execPath ? 'node' : word.replace(root, '')));
    super(`${words.join(' ')}\nended with exit code ${exitCode}\n${output.trimEnd()}`.trimEnd());
  }
}

/** Runs a command to its end, whatever its exit code. */
export function run(command: readonly [string, ...string[]], options: CommandOptions = {}): Promise<CommandResult> {
  const [file, ...args] = command;
  const env = { ...process.env, ...options.environment };
  return new Promise((resolve, reject) => {
    const stdio = options.show === true ? 'inherit' : 'pipe';
    const child = spawn(file, args, {
      cwd: options.cwd ?? root,
      env,
      stdio: ['ignore', stdio, stdio],
      timeout: options.timeoutMs,
    });
    let stdout = '';
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      output += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ exitCode: code ?? 1, stdout, output }));
  });
}

/** Runs a command that has to succeed. */
export async function runOrFail(
  command: readonly [string, ...string[]],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const result = await run(command, options);
  if (result.exitCode !== 0) throw new CommandFailed(command, result);
  return result;
}

/** A tool of the workspace, started by this very Node and not by whichever one is on the path. */
export function tool(packageName: string, binary: string = packageName): [string, string] {
  const manifestPath = join(root, 'node_modules', packageName, 'package.json');
  const { bin } = JSON.parse(readFileSync(manifestPath, 'utf8')) as { bin: string | Record<string, string> };
  const file = typeof bin === 'string' ? bin : bin[binary];
  if (file === undefined) throw new Error(`${packageName} has no program "${binary}".`);
  return [process.execPath, join(dirname(manifestPath), file)];
}
