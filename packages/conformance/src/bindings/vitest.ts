import type { TestRunner } from './register.ts';

/** The part of vitest that is used; it stays the user's dependency. */
export interface Vitest {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly test: {
    readonly concurrent: (
      name: string,
      options: { readonly timeout: number },
      run: (context: VitestContext) => Promise<void>,
    ) => unknown;
  };
  readonly afterAll: (work: () => Promise<void>) => unknown;
}
interface VitestContext {
  readonly skip: (reason?: string) => unknown;
}

/** `await registerConformance(target, vitestRunner({ describe, test, afterAll }))` */
export const vitestRunner = ({ describe, test, afterAll }: Vitest): TestRunner => ({
  describe: (name, body) => void describe(name, body),
  test: (name, timeout, run) =>
    void test.concurrent(name, { timeout }, ({ skip }) => run((reason) => void skip(reason))),
  after: (work) => void afterAll(work),
});
