import { parseArgs } from 'node:util';
import { examine } from './doctor.ts';
import { TestbedError } from './errors.ts';
import { install } from './install/install.ts';
import { servers, type RunningServer, type ServerKind } from './servers.ts';

const usage = `Usage:
  start <server> [--line <line>]     install when needed, start, stay in the foreground until Ctrl-C
  install <server> [--line <line>]   only install
  doctor                             what this machine has and lacks
Servers: ${Object.entries(servers)
  .map(([name, { lines }]) => `${name} (${lines.join(', ')})`)
  .join('; ')}`;

interface Wish {
  readonly name: string;
  readonly kind: ServerKind;
  readonly line: string;
}

async function main(): Promise<number> {
  const { positionals, values } = argumentsOfProcess();
  const [command, name] = positionals;
  switch (command) {
    case 'start':
      return start(wishFor(name, values.line));
    case 'install':
      return installOnly(wishFor(name, values.line));
    case 'doctor':
      return doctor();
    default:
      throw new TestbedError(
        `${command === undefined ? 'no command given' : `unknown command "${command}"`}\n${usage}`,
      );
  }
}

function argumentsOfProcess() {
  try {
    return parseArgs({ allowPositionals: true, options: { line: { type: 'string' } } });
  } catch (error) {
    throw new TestbedError(`${(error as Error).message}\n${usage}`, { cause: error });
  }
}

function wishFor(name: string | undefined, line: string | undefined): Wish {
  const known = Object.keys(servers).join(', ');
  if (name === undefined) throw new TestbedError(`which server? Known: ${known}`);
  const kind = Object.hasOwn(servers, name) ? servers[name] : undefined;
  if (kind === undefined) throw new TestbedError(`unknown server "${name}"; known: ${known}`);
  const chosen = line ?? kind.lines[0] ?? '';
  if (!kind.lines.includes(chosen))
    throw new TestbedError(`no line "${chosen}" of ${name}; known: ${kind.lines.join(', ')}`);
  return { name, kind, line: chosen };
}

function progress(message: string): void {
  console.error(`… ${message}`);
}

async function installOnly({ kind, line }: Wish): Promise<number> {
  const { server, version, location } = await install(kind.recipe(line), progress);
  console.log(`${server} ${version} is installed in ${location}`);
  return 0;
}

async function start(wish: Wish): Promise<number> {
  const interrupted = interruption();
  progress(`starting ${wish.name} ${wish.line}`);
  const first = await Promise.race([interrupted, wish.kind.start(wish.line, progress)]);
  // Ends the half-started server too; its data goes at the next start.
  if (typeof first === 'string') return process.exit(130);
  await using server = first;
  announce(wish, server);
  if (server.exited === undefined) return 0;
  const ended = await Promise.race([interrupted, server.exited]);
  if (typeof ended !== 'string') {
    throw new TestbedError(`${wish.name} ended by itself (exit code ${ended.code}, signal ${ended.signal})`);
  }
  progress(`stopping ${wish.name}`);
  return 0;
}

async function interruption(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => resolve(signal));
  });
}

function announce({ name, kind, line }: Wish, { url, version, places, log, exited }: RunningServer): void {
  const given = kind.urlVariable(line);
  const origin = exited === undefined ? `answers; it is the server that ${given} names` : 'is ready';
  const further = Object.entries({ ...places, ...(log && { log }) }).map(([what, place]) => `  ${what}: ${place}`);
  const rest = exited === undefined ? [] : ['Ctrl-C stops it and deletes its data.'];
  console.log(
    [
      `${name} ${version} ${origin}:`,
      `  ${url}`,
      ...further,
      'In another terminal:',
      `  WAYBILL_URL=${url} npm start      the quickstart, on this server`,
      `  ${given}=${url} npm test      the tests, on this server`,
      ...rest,
    ].join('\n'),
  );
}

async function doctor(): Promise<number> {
  const findings = await examine();
  for (const { state, text } of findings) console.log(`${state.padEnd(8)}${text}`);
  return findings.some(({ state }) => state === 'missing') ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof TestbedError ? error.message : error);
  process.exitCode = 1;
}
