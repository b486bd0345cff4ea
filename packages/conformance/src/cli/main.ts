#!/usr/bin/env node
import { writeFileSync } from 'node:fs';
import type { Certificate } from '../certificate/certificate.ts';
import { toJson } from '../certificate/json.ts';
import { toJunit } from '../certificate/junit.ts';
import { toMarkdown } from '../certificate/markdown.ts';
import { summary } from '../certificate/terminal.ts';
import { runConformance } from '../runner.ts';
import { isBad } from '../states.ts';
import type { Target } from '../target.ts';
import { type Arguments, parse, usage, UsageError } from './arguments.ts';
import { explain, list } from './explain.ts';
import { findTarget } from './find-target.ts';
import { progressOn, type Screen } from './progress.ts';

const { stdout } = process;

const screen: Screen = {
  columns: stdout.columns ?? 120,
  isLive: stdout.isTTY,
  isColoured: stdout.isTTY && stdout.hasColors(),
  write: (text) => void stdout.write(text),
};

async function main({ where, run, files, explain: id, wantsHelp, wantsList }: Arguments): Promise<number> {
  if (wantsHelp) return say(usage);
  if (wantsList) return say(list());
  if (id !== undefined) return say(explain(id));
  if (where === undefined) throw new UsageError('which broker? Give a URL or a target file');
  const target = await findTarget(where);
  const certificate = await runOn(target, run);
  writeFiles(certificate, files);
  say(`\n${summary(certificate, screen)}`);
  return certificate.cases.some(({ state }) => isBad(state)) ? 1 : 0;
}

async function runOn(target: Target, run: Arguments['run']): Promise<Certificate> {
  try {
    return await runConformance(target, { ...run, onProgress: progressOn(screen) });
  } finally {
    await target.close?.();
  }
}

function say(text: string): number {
  screen.write(`${text}\n`);
  return 0;
}

function writeFiles(certificate: Certificate, { json, junit, markdown }: Arguments['files']): void {
  if (json !== undefined) writeFileSync(json, toJson(certificate));
  if (junit !== undefined) writeFileSync(junit, toJunit(certificate));
  if (markdown !== undefined) writeFileSync(markdown, toMarkdown(certificate));
}

/** 0: nothing failed. 1: something failed or is unknown. 2: nothing could be run. */
async function start(): Promise<number> {
  try {
    return await main(parse(process.argv.slice(2)));
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    if (error instanceof UsageError) console.error(`\n${usage}`);
    return 2;
  }
}

process.exitCode = await start();
// Node 24.21 was once seen to spin for ever while it tidied up after a process that had nothing left to do.
process.once('beforeExit', () => process.exit());
// Nothing of ours is left; a handle of what was tested must not keep whoever waits for the exit code.
setTimeout(() => {
  console.error(
    `Something still keeps this process alive, and is left behind: ${process.getActiveResourcesInfo().join(', ')}`,
  );
  process.exit();
}, 5000).unref();
