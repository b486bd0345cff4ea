import { spawnSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { orderOf } from './measure.ts';
import type { Stage } from './launch.ts';
import { type Estimate, estimate } from './statistics.ts';

/** Target 13: what an installation weighs, and what an import costs. */
export interface Footprint {
  readonly dependencies: number;
  readonly installedBytes: number;
  /** Milliseconds, each in a fresh process. */
  readonly coreImportMs: Estimate;
  readonly clientImportMs: Estimate;
  /** The adapter with the client that it imports. */
  readonly adapterImportMs: Estimate;
  /** Adapter less client, pair by pair. */
  readonly addedMs: Estimate;
  readonly judged: readonly {
    readonly what: string;
    readonly limit: string;
    readonly found: string;
    readonly isMet: boolean;
  }[];
}

const mostBytes = 150_000;
const mostCoreMs = 10;
const mostAddedMs = 5;

/** Measures the packed packages. Each pair is three fresh processes: core, client, adapter; the order turns each time. */
export function measureFootprint(stage: Stage, pairs: number): Footprint {
  const core = join(stage.modules, '@waybill', 'core');
  const imported = ['@waybill/core', 'amqplib', '@waybill/adapter-rabbitmq'] as const;
  const times: Record<string, number[]> = {};
  for (let pair = 0; pair < pairs; pair++) {
    for (const name of orderOf(imported, pair)) (times[name] ??= []).push(importMs(stage, name));
  }
  const series = imported.map((name) => times[name] ?? []);
  const [coreMs, clientMs, adapterMs] = series as [number[], number[], number[]];
  const found = {
    dependencies: dependenciesOf(core),
    installedBytes: bytesIn(core),
    coreImportMs: estimate(coreMs),
    clientImportMs: estimate(clientMs),
    adapterImportMs: estimate(adapterMs),
    addedMs: estimate(adapterMs.map((value, pair) => value - (clientMs[pair] ?? NaN))),
  };
  return { ...found, judged: judge(found) };
}

function judge(found: Omit<Footprint, 'judged'>): Footprint['judged'] {
  const { dependencies, installedBytes, coreImportMs, addedMs } = found;
  return [
    { what: 'dependencies of core', limit: '0', found: String(dependencies), isMet: dependencies === 0 },
    {
      what: 'core, installed',
      limit: `≤ ${mostBytes / 1000} kB`,
      found: `${(installedBytes / 1000).toFixed(1)} kB`,
      isMet: installedBytes <= mostBytes,
    },
    {
      what: 'import of core',
      limit: `≤ ${mostCoreMs} ms`,
      found: inMs(coreImportMs),
      isMet: coreImportMs.median <= mostCoreMs,
    },
    {
      what: "the RabbitMQ adapter, beyond amqplib's own import",
      limit: `≤ ${mostAddedMs} ms`,
      found: inMs(addedMs),
      isMet: addedMs.median <= mostAddedMs,
    },
  ];
}

const inMs = ({ median, low, high }: Estimate): string =>
  `${median.toFixed(1)} ms [${low.toFixed(1)}, ${high.toFixed(1)}]`;

/** A fresh process that does nothing else; the files are in the system's cache, as they are after the first start. */
function importMs({ modules }: Stage, name: string): number {
  const script = `const from = performance.now(); await import('${name}'); process.stdout.write(String(performance.now() - from));`;
  const { stdout, status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: join(modules, '..'),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`Importing ${name} failed\n${stderr}`);
  return Number(stdout);
}

function dependenciesOf(directory: string): number {
  const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Record<
    string,
    object | undefined
  >;
  return ['dependencies', 'peerDependencies', 'optionalDependencies'].reduce(
    (sum, kind) => sum + Object.keys(manifest[kind] ?? {}).length,
    0,
  );
}

function bytesIn(directory: string): number {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((path) => lstatSync(join(directory, path)))
    .reduce((sum, entry) => sum + (entry.isFile() ? entry.size : 0), 0);
}
