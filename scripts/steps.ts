import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { compileSamples } from './checks/compile-samples.ts';
import { checkCoreDependencies } from './checks/core-dependencies.ts';
import { checkLinks } from './checks/links.ts';
import { checkMachineTraces } from './checks/machine-traces.ts';
import { throwProblems } from './checks/problems.ts';
import { extractSamples } from './checks/samples.ts';
import { checkSizes } from './checks/sizes.ts';
import { checkSkeleton } from './checks/skeleton.ts';
import { run, runOrFail, tool } from './lib/command.ts';
import { readVitestFile, type Report } from './lib/counts.ts';
import { listFiles, readFiles } from './lib/repository.ts';
import type { Step } from './lib/steps.ts';
import { findPackages, localCache, readManifest, root } from './lib/workspace.ts';
import { packagingSteps } from './packaging/steps.ts';

/** Packages with tests below `test/live/`: each needs a server, and each gets a step. The longest first. */
const livePackages = [
  'adapter-kafka',
  'adapter-rabbitmq',
  'adapter-redis-streams',
  'adapter-nats',
  'testbed',
  'conformance',
];

/** Tasks of `scripts/run.mjs` that take part in a run; each ends with exit code 0 or fails its step. */
const tasks: readonly { readonly name: string; readonly task: readonly [string, ...string[]] }[] = [
  { name: 'faults on RabbitMQ, a short run', task: ['faults', 'rabbitmq', '--short'] },
  { name: 'faults on Kafka, a short run', task: ['faults', 'kafka', '--short'] },
  { name: 'faults on NATS, a short run', task: ['faults', 'nats', '--short'] },
  { name: 'faults on Redis, a short run', task: ['faults', 'redis', '--short'] },
  { name: 'faults in memory, a short run', task: ['faults', 'memory', '--short'] },
  { name: 'generated tables are up to date', task: ['tables', '--check'] },
];

function command(program: string, ...args: readonly string[]): () => Promise<void> {
  const [packageName = '', binary] = program.split(' ');
  return async () => {
    await runOrFail([...tool(packageName, binary), ...args]);
  };
}

/** With `show: false` the output appears when it ends, and only where something failed. */
async function vitest(report: string, show: boolean, ...args: readonly string[]): Promise<Report> {
  const file = join(localCache, 'reports', `${report.replaceAll(/[^\w-]/g, '-')}.json`);
  rmSync(file, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const { exitCode, output } = await run([...tool('vitest'), 'run', ...args, ...reporters], { show });
  if (exitCode !== 0) console.log(output);
  return readVitestFile(file, exitCode);
}

function liveStep(folder: string): Step {
  const name = `live:${folder}`;
  return { name: `tests on servers: ${folder}`, beside: true, run: () => vitest(name, false, '--project', name) };
}

function taskStep({ name, task }: (typeof tasks)[number]): Step {
  const command = [process.execPath, 'scripts/run.mjs', ...task] as const;
  const start = async (): Promise<void> => {
    await runOrFail([...command], { show: true });
  };
  return { name, streams: true, run: start };
}

/** Users compile our declarations with older compilers, so the type tests do too. */
function typeTests(name: string, version: string): Step {
  const flags = ['-p', 'tsconfig.types.json', '--pretty', 'false'];
  return { name: `type tests on TypeScript ${version}`, run: command(`${name} tsc`, ...flags) };
}

async function checkAdapters(): Promise<void> {
  const adapters = findPackages().filter(({ folder }) => folder.startsWith('adapter-'));
  const listed = adapters.map(async ({ folder }): Promise<[string, string[]]> => {
    const files = await listFiles(`packages/${folder}`);
    return [folder, files.map((path) => path.slice(`packages/${folder}/`.length))];
  });
  throwProblems(checkSkeleton(new Map(await Promise.all(listed))));
}

async function checkSamples(): Promise<string> {
  const samples = (await readFiles('*.md')).flatMap(extractSamples);
  if (samples.length === 0) throw new Error('no TypeScript block found in any Markdown file');
  throwProblems(await compileSamples(samples));
  return `${samples.length} samples`;
}

const checks: readonly Step[] = [
  {
    name: 'sizes',
    quick: true,
    run: async () => {
      const { problems, note } = checkSizes(await readFiles('packages/*/src/*.ts'));
      throwProblems(problems);
      return note;
    },
  },
  {
    name: 'core has no dependencies',
    quick: true,
    run: async () => {
      const manifest = readManifest(join(root, 'packages/core'));
      throwProblems(checkCoreDependencies(manifest, await readFiles('packages/core/src/*.ts')));
    },
  },
  { name: 'adapter skeleton', quick: true, run: checkAdapters },
  {
    name: 'no traces of a machine',
    quick: true,
    run: async () => throwProblems(checkMachineTraces(await readFiles())),
  },
  {
    name: 'links in Markdown',
    quick: true,
    run: async () => throwProblems(checkLinks(await readFiles('*.md'), await listFiles())),
  },
  { name: 'samples in Markdown compile', quick: true, run: checkSamples },
  {
    name: 'unused files, exports and dependencies',
    quick: true,
    run: command('knip', '--no-progress', '--no-config-hints'),
  },
];

/** Everything that `npm test` does, in order. A check of something new is a new row. */
export const steps: readonly Step[] = [
  { name: 'format', quick: true, run: command('oxfmt', '--check') },
  { name: 'lint', quick: true, run: command('oxlint', '--format=unix') },
  { name: 'types', quick: true, run: command('typescript tsc', '-b', '--pretty', 'false') },
  typeTests('typescript-5', '5.9'),
  typeTests('typescript-6', '6.0'),
  ...checks,
  { name: 'unit tests', quick: true, streams: true, run: () => vitest('unit', true, '--project', '!live:*') },
  ...livePackages.map(liveStep),
  ...tasks.map(taskStep),
  ...packagingSteps,
];
