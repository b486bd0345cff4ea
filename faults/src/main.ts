import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { judge, type Judgement } from './judge/judge.ts';
import { jsonOf, markdownOf } from './judge/report.ts';
import { optionsFrom, type RunOptions, usage, UsageError } from './options.ts';
import type { RunRecord } from './outcome.ts';
import { runMemory } from './run-memory.ts';
import { runBroker } from './run-broker.ts';

const started = performance.now();

function say(line: string): void {
  console.log(`${((performance.now() - started) / 1_000).toFixed(1).padStart(6)} s  ${line}`);
}

function write({ report }: RunOptions, record: RunRecord, judgement: Judgement): void {
  const markdown = markdownOf(record, judgement);
  console.log(`\n${markdown}`);
  if (report === undefined) return;
  mkdirSync(dirname(report), { recursive: true });
  writeFileSync(`${report}.md`, markdown);
  writeFileSync(`${report}.json`, jsonOf(record, judgement));
}

async function main(): Promise<void> {
  const options = optionsFrom(process.argv.slice(2));
  say(`seed ${options.seed}`);
  const record = await (options.target === 'memory'
    ? runMemory(options, say)
    : runBroker(options.target, options, say));
  say('judging the history');
  const judgement = judge(record);
  const seconds = Math.round((performance.now() - started) / 1_000);
  write(options, { ...record, settings: { ...record.settings, 'the whole run, s': seconds } }, judgement);
  if (judgement.outcome === 'valid') rmSync(record.directory, { recursive: true });
  else say(`${judgement.outcome}; the history is in ${record.directory}, run ${record.run}`);
  process.exitCode = judgement.outcome === 'valid' ? 0 : 1;
}

await main().catch((error: unknown) => {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${usage}`);
  process.exitCode = 2;
});
