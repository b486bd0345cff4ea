import { after, describe, test } from 'node:test';
import type { TestRunner } from './register.ts';

/** `await registerConformance(target, nodeRunner)`, run by `node --test`. */
export const nodeRunner: TestRunner = {
  describe: (name, body) => void describe(name, { concurrency: true }, body),
  test: (name, timeout, run) => void test(name, { timeout }, (context) => run((reason) => context.skip(reason))),
  after: (work) => after(work),
};
