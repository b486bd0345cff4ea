import { allCases, groups } from '@waybill/conformance';
import { expect, test } from 'vitest';
import { checkCases } from '../src/case.ts';
import { provers } from '../src/proofs.ts';
import { allWords } from '../src/vocabulary.ts';
import { caseWith } from './support.ts';

const words = allWords();

test.each(words)('%s is proven by a case other than the one that looks for its proof', (word) => {
  expect(provers(word)).not.toEqual([]);
});

test('no case claims to prove a word that no manifest can say', () => {
  const claimed = allCases().flatMap(({ proves = [] }) => proves);
  expect(claimed.filter((word) => !words.includes(word))).toEqual([]);
});

test('every word has a case N06, its own or one that looks for its proof', () => {
  const ids = new Set(allCases().map(({ id }) => id));
  expect(words.filter((word) => !ids.has(`N06:${word}`))).toEqual([]);
});

test('every case belongs to a group and says in a sentence what holds', () => {
  const odd = allCases().filter(
    ({ group, title }) => !Object.hasOwn(groups, group) || !/^[^A-Z].{10,}[^.]$/u.test(title),
  );
  expect(odd.map(({ id, title }) => `${id} ${title}`)).toEqual([]);
});

test('two cases with one id are refused', () => {
  expect(() => checkCases([caseWith(async () => {}), caseWith(async () => {})])).toThrow(/Q90.*two cases/);
});

test.each([
  ['q01', 'Q'],
  ['T01', 'Q'],
  ['Q1', 'Q'],
] as const)('the id %s in group %s is refused', (id, group) => {
  expect(() => checkCases([caseWith(async () => {}, { id, group })])).toThrow(/the id must match/);
});
