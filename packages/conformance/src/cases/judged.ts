import type { Case } from '../case.ts';
import { notDeclared } from '../words.ts';
import { caseOf } from './define.ts';

const define = caseOf({ requires: {} });

/** N06, for words that other cases prove: at least one of them ran, and passed. */
export function judged(words: readonly string[], proversOf: (word: string) => readonly string[]): Case[] {
  return words.map((word) =>
    define({
      id: `N06:${word}`,
      title: `${word} is proven by a case that ran and passed`,
      when: 'end',
      traffic: 'none',
      requires: { able: ({ capabilities }) => notDeclared(capabilities, word) },
      async run(context) {
        const chosen = proversOf(word).flatMap((id) => context.results.get(id) ?? []);
        if (chosen.length === 0)
          return context.notRun(`none of its cases was part of this run: ${proversOf(word).join(', ')}`);
        const passed = chosen.filter(({ state }) => state === 'pass');
        context.expect.ok(
          passed.length > 0,
          `${word} is declared, and none of its cases passed: ${chosen.map(({ id, state }) => `${id} ${state}`).join(', ')}`,
        );
        context.evidence('proven by', passed.map(({ id }) => id).join(', '));
      },
    }),
  );
}
