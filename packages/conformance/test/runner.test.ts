import { runConformance } from '@waybill/conformance';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { Lock } from '../src/lock.ts';
import { makeRandom } from '../src/random.ts';
import { select } from '../src/select.ts';
import { caseWith, memoryTarget, runCases } from './support.ts';

const fine = async ({ expect }: { readonly expect: { ok(value: unknown, message: string): void } }): Promise<void> =>
  expect.ok(true, 'fine');
const quiet = { traffic: 'none' } as const;

test('cases for the end run after all others and see their results', async () => {
  let seen: readonly string[] = [];
  const last = caseWith(
    async ({ results, expect }) => {
      seen = [...results].map(([id, { state }]) => `${id} ${state}`);
      expect.ok(true, 'fine');
    },
    { id: 'Q99', when: 'end', ...quiet },
  );
  await runCases([last, caseWith(fine, { id: 'Q91', ...quiet }), caseWith(async () => {}, { id: 'Q92', ...quiet })]);
  expect([...seen].sort()).toEqual(['Q91 pass', 'Q92 fail']);
});

test('a case alone has nothing beside it', async () => {
  let running = 0;
  const together: number[] = [];
  const note = async (): Promise<void> => {
    running += 1;
    await new Promise((resolve) => setTimeout(resolve, 5));
    together.push(running);
    running -= 1;
  };
  const cases = Array.from({ length: 12 }, (_, index) =>
    caseWith(note, { id: `Q${index + 10}`, ...(index % 4 === 0 && { company: 'alone' }) }),
  );
  const alone: number[] = [];
  await runCases(
    cases.map((one) =>
      one.company === 'alone' ? { ...one, run: async () => void (await note(), alone.push(together.at(-1)!)) } : one,
    ),
  );
  expect(alone).toEqual([1, 1, 1]);
  expect(Math.max(...together)).toBeGreaterThan(1);
});

test('the lock admits first come, first served, so that who wants it alone is not passed by', async () => {
  const lock = new Lock(2);
  const order: string[] = [];
  let release = (): void => undefined;
  const gate = new Promise<void>((resolve) => (release = resolve));
  const all = [
    lock.hold(false, async () => {
      order.push('first');
      await gate;
    }),
    lock.hold(true, async () => void order.push('alone')),
    lock.hold(false, async () => void order.push('later')),
  ];
  release();
  await Promise.all(all);
  expect(order).toEqual(['first', 'alone', 'later']);
});

test(
  'an error that nobody handled fails the cases that were running, and the process lives',
  { timeout: 60_000 },
  () => {
    const program = fileURLToPath(new URL('programs/stray.ts', import.meta.url));
    const output = execFileSync(process.execPath, ['--conditions=waybill-source', program], { encoding: 'utf8' });
    expect(JSON.parse(output)).toMatchObject([
      { id: 'Q90', state: 'fail', reason: expect.stringContaining('nobody handled') },
      { id: 'Q91', state: 'pass' },
    ]);
  },
);

test('the same seed makes the same choices, another seed others', async () => {
  const draws = async (seed: number): Promise<readonly number[]> => {
    const drawn: number[] = [];
    const run = async ({ random, expect }: Parameters<Parameters<typeof caseWith>[0]>[0]): Promise<void> => {
      drawn.push(random.below(1e9), ...random.shuffle([1, 2, 3, 4, 5, 6, 7, 8]), ...random.bytes(4));
      expect.ok(true, 'drawn');
    };
    await runConformance(memoryTarget(), { seed, cases: [caseWith(run, quiet)] });
    return drawn;
  };
  expect(await draws(7)).toEqual(await draws(7));
  expect(await draws(7)).not.toEqual(await draws(8));
});

test('random numbers fill their range evenly', () => {
  const random = makeRandom(1, 'even');
  const counts = Array.from({ length: 10 }, () => 0);
  for (let index = 0; index < 10_000; index++) counts[random.below(10)]! += 1;
  for (const count of counts) expect(count).toBeGreaterThan(850);
  expect(counts.reduce((sum, count) => sum + count)).toBe(10_000);
});

const three = ['Q01', 'Q02', 'N03:queue.delay'].map((id, index) =>
  caseWith(fine, { id, group: id.startsWith('Q') ? 'Q' : 'N', priority: index === 1 ? 1 : 0 }),
);
const idsOf = (selection: Parameters<typeof select>[1]): string[] => select(three, selection).map(({ id }) => id);

test('cases are chosen by id, text with *, group and profile', () => {
  expect(idsOf({})).toEqual(['Q01', 'Q02', 'N03:queue.delay']);
  expect(idsOf({ profile: 'quick' })).toEqual(['Q01', 'N03:queue.delay']);
  expect(idsOf({ only: ['q02'], profile: 'quick' })).toEqual(['Q02']);
  expect(idsOf({ only: ['N03:*'] })).toEqual(['N03:queue.delay']);
});

test('choosing nothing is an error, so that it cannot look like success', () => {
  expect(() => idsOf({ only: ['Z9'] })).toThrow('no case is called Z9');
  expect(() => idsOf({ only: ['N03.*'] })).toThrow('no case is called N03.*');
  expect(() => idsOf({ group: ['Y' as never] })).toThrow('there is no group "Y"');
});
