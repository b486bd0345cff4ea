import { expect, test } from 'vitest';
import { Cleanup } from '../src/cleanup.ts';

const forever = (): Promise<void> => new Promise(() => undefined);

test('what hangs is named and left behind, and everything else is undone all the same', async () => {
  const cleanup = new Cleanup(30);
  const undone: string[] = [];
  cleanup.add('closing the first bus', () => void undone.push('first'));
  cleanup.add('closing a bus', forever);
  cleanup.add('closing a link', () => Promise.reject(new Error('it is broken')));
  cleanup.add('closing the last bus', () => void undone.push('last'));
  expect(await cleanup.run()).toEqual(['closing a link: it is broken', 'closing a bus took longer than 30 ms']);
  expect(undone).toEqual(['last', 'first']);
});

test('many that hang do not hold up the run one after another', async () => {
  const cleanup = new Cleanup(40);
  for (let count = 0; count < 5; count++) cleanup.add(`closing bus ${count}`, forever);
  const startedAt = performance.now();
  expect(await cleanup.run()).toHaveLength(5);
  expect(performance.now() - startedAt).toBeLessThan(1_000);
});
