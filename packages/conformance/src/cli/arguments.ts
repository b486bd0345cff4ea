import { parseArgs } from 'node:util';
import type { Group } from '../case.ts';
import type { RunOptions } from '../session.ts';

export const usage = `waybill-conformance <url | target file>

  <url>              a live broker: amqp://user:password@host, memory:
  <target file>      a module that exports target = defineTarget({ … }): for drivers of one's own, and for faults

  --only Q01,T*      cases by id; * is any text
  --group Q,T        groups
  --profile quick    leaves out load and what is not part of every run (default: full)
  --seed N           repeats the choices of another run
  --concurrency N    cases at once (default: 8); those that others would notice run alone anyway
  --json FILE        writes the certificate
  --junit FILE
  --markdown FILE
  --explain Q01      says what a case proves, and runs nothing
  --list             lists the cases, and runs nothing`;

export interface Arguments {
  readonly where: string | undefined;
  readonly run: RunOptions;
  readonly files: {
    readonly json?: string | undefined;
    readonly junit?: string | undefined;
    readonly markdown?: string | undefined;
  };
  readonly explain: string | undefined;
  readonly wantsHelp: boolean;
  readonly wantsList: boolean;
}

/** What the command line asks for wrongly. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const text = { type: 'string' } as const;
const flag = { type: 'boolean', default: false } as const;
const options = {
  only: text,
  group: text,
  profile: text,
  seed: text,
  concurrency: text,
  json: text,
  junit: text,
  markdown: text,
  explain: text,
  help: { ...flag, short: 'h' },
  list: flag,
} as const;

export function parse(given: readonly string[]): Arguments {
  const { values, positionals } = parseOrExplain(given);
  if (positionals.length > 1)
    throw new UsageError(`one broker at a time, not ${positionals.length}: ${positionals.join(' ')}`);
  return {
    where: positionals[0],
    run: {
      ...(values.only !== undefined && { only: listOf(values.only) }),
      ...(values.group !== undefined && { group: listOf(values.group.toUpperCase()) as Group[] }),
      ...(values.profile !== undefined && { profile: profileOf(values.profile) }),
      ...(values.seed !== undefined && { seed: wholeNumber('--seed', values.seed, 0) }),
      ...(values.concurrency !== undefined && { concurrency: wholeNumber('--concurrency', values.concurrency, 1) }),
    },
    files: { json: values.json, junit: values.junit, markdown: values.markdown },
    explain: values.explain,
    wantsHelp: values.help,
    wantsList: values.list,
  };
}

function parseOrExplain(given: readonly string[]) {
  try {
    return parseArgs({ args: [...given], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

const listOf = (value: string): string[] =>
  value
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');

function profileOf(value: string): 'quick' | 'full' {
  if (value === 'quick' || value === 'full') return value;
  throw new UsageError(`--profile is quick or full, not ${value}`);
}

function wholeNumber(name: string, value: string, least: number): number {
  const number = Number(value);
  if (Number.isSafeInteger(number) && number >= least) return number;
  throw new UsageError(`${name} takes a whole number, ${least} or more, not ${value}`);
}
