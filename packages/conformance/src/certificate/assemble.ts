import { readFileSync } from 'node:fs';
import type { Driver } from '@waybill/core';
import type { Capabilities } from '@waybill/core/driver';
import type { Group } from '../case.ts';
import type { Answer } from '../asked.ts';
import { provers } from '../proofs.ts';
import type { Result } from '../result.ts';
import { type State, stateNames } from '../states.ts';
import type { Target } from '../target.ts';
import { wordsOf } from '../words.ts';
import type { Certificate, Counts, Proof } from './certificate.ts';

export interface Run {
  readonly target: Target;
  readonly driver: Driver;
  readonly capabilities: Capabilities;
  readonly broker: string;
  readonly answers: readonly Answer[];
  readonly seed: number;
  readonly profile: 'quick' | 'full';
  readonly chosen: readonly string[] | undefined;
  readonly startedAt: Date;
  readonly results: readonly Result[];
}

export function certificateOf({
  target,
  driver,
  capabilities,
  broker,
  answers,
  seed,
  profile,
  chosen,
  startedAt,
  results,
}: Run): Certificate {
  const durationMs = Math.round(Date.now() - startedAt.getTime());
  return {
    suite: suite(),
    contract: driver.spec,
    adapter: { name: driver.name, ...target.adapter },
    broker: { target: target.name, version: broker, ...target.profile },
    run: {
      profile,
      ...(chosen && { chosen }),
      seed,
      startedAt: startedAt.toISOString(),
      durationMs,
      node: process.version,
    },
    capabilities,
    answers,
    proofs: wordsOf(capabilities).map((word) => proofOf(word, results)),
    counts: count(results),
    byGroup: byGroup(results),
    cases: results,
  };
}

/** This package's own name and version. */
function suite(): { readonly name: string; readonly version: string } {
  const { name, version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    name: string;
    version: string;
  };
  return { name, version };
}

const count = (results: readonly Result[]): Counts =>
  Object.fromEntries(stateNames.map((state) => [state, results.filter((one) => one.state === state).length])) as Record<
    State,
    number
  >;

function byGroup(results: readonly Result[]): Partial<Record<Group, Counts>> {
  const names = new Set(results.map(({ group }) => group));
  return Object.fromEntries([...names].map((name) => [name, count(results.filter(({ group }) => group === name))]));
}

function proofOf(word: string, results: readonly Result[]): Proof {
  const by = provers(word);
  const mine = results.filter(({ id }) => by.includes(id));
  const passed = mine.filter(({ state }) => state === 'pass' || (state === 'refused' && word.endsWith('=none')));
  const failed = mine.filter(({ state }) => state === 'fail');
  if (failed.length > 0) return { word, state: 'failed', by: failed.map(({ id }) => id) };
  return { word, state: passed.length > 0 ? 'proven' : 'open', by: passed.map(({ id }) => id) };
}
