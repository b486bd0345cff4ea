import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { testbedDirectory } from '../directory.ts';
import { TestbedError } from '../errors.ts';
import { withLock } from '../lock.ts';
import { serverPorts } from '../ports.ts';
import { identify, isAlive, type ProcessIdentity } from './identity.ts';

/** A directory, ports and processes that belong to one server and vanish with it. */
export interface Run {
  readonly directory: string;
  /** Free when the run was opened, and given to no other run while this one lasts. */
  readonly ports: readonly number[];
  /** Remembers a process, so that a later run can end it if this one crashes. */
  record(pid: number): void;
  /** Deletes the data and gives the ports back. End the processes first. */
  remove(): void;
}

interface RunRecord {
  readonly owner: ProcessIdentity;
  readonly ports: readonly number[];
  readonly processes: readonly ProcessIdentity[];
}

/** Opens a run, after cleaning up those whose owner has died. */
export async function openRun(name: string, portCount: number): Promise<Run> {
  const runs = join(testbedDirectory(), 'run');
  return withLock(join(testbedDirectory(), 'locks', 'run'), async () => {
    mkdirSync(runs, { recursive: true });
    const living = readdirSync(runs).flatMap((entry) => keepOrReap(join(runs, entry)));
    const ports = await freePorts(portCount, new Set(living.flatMap((record) => record.ports)));
    return createRun(join(runs, `${name}-${randomBytes(3).toString('hex')}`), ports);
  });
}

function createRun(directory: string, ports: readonly number[]): Run {
  const owner = identify(process.pid);
  if (owner === undefined)
    throw new TestbedError('cannot read /proc: servers as processes need Linux; use the URL variables elsewhere');
  let record: RunRecord = { owner, ports, processes: [] };
  mkdirSync(directory);
  write(directory, record);
  return {
    directory,
    ports,
    record(pid) {
      const identity = identify(pid);
      if (identity === undefined) return;
      record = { ...record, processes: [...record.processes.filter(isAlive), identity] };
      write(directory, record);
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

function write(directory: string, record: RunRecord): void {
  const file = join(directory, 'run.json');
  writeFileSync(`${file}.new`, JSON.stringify(record));
  renameSync(`${file}.new`, file);
}

/** Only processes that we recorded, and that are still the same ones, are ended. */
function keepOrReap(directory: string): RunRecord[] {
  const record = read(directory);
  if (record && isAlive(record.owner)) return [record];
  for (const identity of record?.processes ?? []) if (isAlive(identity)) process.kill(identity.pid, 'SIGKILL');
  rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  return [];
}

function read(directory: string): RunRecord | undefined {
  try {
    return JSON.parse(readFileSync(join(directory, 'run.json'), 'utf8')) as RunRecord;
  } catch (error) {
    // Its owner died before it wrote the first record, so there is no process either.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function freePorts(count: number, claimed: ReadonlySet<number>): Promise<number[]> {
  const { first, last } = serverPorts;
  const ports: number[] = [];
  const size = last - first + 1;
  const start = Math.floor(Math.random() * size);
  for (let step = 0; ports.length < count; step++) {
    if (step === size) throw new TestbedError(`no ${count} free ports between ${first} and ${last} on 127.0.0.1`);
    const port = first + ((start + step) % size);
    if (!claimed.has(port) && (await canBind(port))) ports.push(port);
  }
  return ports;
}

async function canBind(port: number): Promise<boolean> {
  const server = createServer();
  const listening = once(server, 'listening').then(() => true);
  server.listen({ port, host: '127.0.0.1', exclusive: true });
  const bound = await listening.catch(() => false);
  if (!bound) return false;
  server.close();
  await once(server, 'close');
  return true;
}
