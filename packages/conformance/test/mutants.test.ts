import type { Driver } from '@waybill/core';
import { memory, memoryBroker } from '@waybill/in-memory';
import { allCases, type Result, mutants, runConformance, type Target } from '@waybill/conformance';
import { describe, expect, test } from 'vitest';
import { memoryTarget } from './support.ts';

/** A broker of its own for each run, and one patience for both: too little would take a slow run for a killed mutant. */
function targetOf(wrap: (driver: Driver) => Driver): Target {
  const broker = memoryBroker();
  return memoryTarget(broker, {
    driver: () => wrap(memory(broker)),
    timing: { quietMs: 60, positiveMs: 5000 },
    control: {
      disconnect: async () => {
        broker.faults.disconnect();
        return 'every link was lost';
      },
    },
  });
}

async function resultOf(id: string, wrap: (driver: Driver) => Driver): Promise<Result> {
  const { cases } = await runConformance(targetOf(wrap), { only: [id], seed: 1 });
  expect(cases.map((one) => one.id)).toEqual([id]);
  return cases[0]!;
}

test('names are distinct, and every case exists', () => {
  const names = mutants.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  const ids = new Set(allCases().map(({ id }) => id));
  expect(mutants.filter(({ killedBy }) => !ids.has(killedBy))).toEqual([]);
});

describe('the correct driver passes', () => {
  test.concurrent.each([...new Set(mutants.map(({ killedBy }) => killedBy))])('%s', { timeout: 30_000 }, async (id) => {
    const { state, reason } = await resultOf(id, (driver) => driver);
    expect(`${state} ${reason ?? ''}`.trim()).toBe('pass');
  });
});

describe('a driver with one defect fails', () => {
  test.concurrent.each(mutants)('$killedBy: $name', { timeout: 30_000 }, async ({ killedBy, wrap }) => {
    const { state } = await resultOf(killedBy, wrap);
    expect(state).toBe('fail');
  });
});
