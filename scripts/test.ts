import { summaryLine } from './lib/counts.ts';
import { runSteps, type Step } from './lib/steps.ts';
import { steps } from './steps.ts';

const usage = `npm test                    every step
npm test -- --list          the names of the steps
npm test -- lint "unit"     the steps whose names start so, and those that they need
npm run check               the fast steps, without a server
WAYBILL_REQUIRE=all         a broker that cannot start, or any skipped test, fails the run`;

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

function withNeeded(step: Step): readonly Step[] {
  const needed = steps.find(({ name }) => name === step.needs);
  return needed === undefined ? [step] : [...withNeeded(needed), step];
}

function choose(names: readonly string[]): readonly Step[] {
  const chosen = names.flatMap((wanted) => {
    const found = steps.filter(({ name }) => name.startsWith(wanted));
    return found.length > 0 ? found : fail(`No step starts with "${wanted}".\n\n${usage}`);
  });
  const all = new Set(chosen.flatMap(withNeeded));
  return steps.filter((step) => all.has(step));
}

function select(args: readonly string[]): readonly Step[] {
  const [first] = args;
  if (first === undefined) return steps;
  if (first === '--quick' && args.length === 1) return steps.filter(({ quick }) => quick === true);
  if (first.startsWith('-')) return fail(`Unknown option ${first}.\n\n${usage}`);
  return choose(args);
}

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) return console.log(usage);
  if (args.includes('--list')) return console.log(steps.map(({ name }) => name).join('\n'));
  const started = Date.now();
  const counts = await runSteps(select(args), { print: console.log, now: Date.now });
  const isStrict = process.env['WAYBILL_REQUIRE'] === 'all' && counts.skipped > 0;
  if (isStrict) console.log('\nWAYBILL_REQUIRE=all allows nothing to be skipped.');
  console.log(`\n${((Date.now() - started) / 1000).toFixed(0)} s`);
  console.log(summaryLine(counts));
  process.exitCode = counts.failed > 0 || isStrict ? 1 : 0;
}

await main(process.argv.slice(2));
