import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Certificate, runConformance, toJson } from '@waybill/conformance';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { generateTables } from '../src/tables/generate.ts';
import { memoryTarget } from './support.ts';

const marks = '# Title\n\n<!-- capabilities:start -->\n<!-- capabilities:end -->\n\nAfter.\n';
let proven: Certificate;
let root: string;

beforeAll(async () => {
  const certificate = await runConformance(memoryTarget(), { only: ['Q01'] });
  const { chosen: _, ...run } = certificate.run;
  proven = { ...certificate, run, proofs: certificate.proofs.map((proof) => ({ ...proof, state: 'proven' })) };
});

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'waybill-tables-'));
  for (const folder of ['certificates', 'packages/in-memory']) mkdirSync(join(root, folder), { recursive: true });
  for (const file of ['README.md', 'packages/in-memory/README.md']) writeFileSync(join(root, file), marks);
  certify(proven);
});

afterEach(() => rmSync(root, { recursive: true }));

const certify = (certificate: Certificate): void =>
  writeFileSync(join(root, 'certificates/memory.json'), toJson(certificate));
const readme = (): string => readFileSync(join(root, 'README.md'), 'utf8');

test('the table stands between its marks, and the rest of the page is left alone', () => {
  expect(generateTables(root)).toEqual(['README.md', 'packages/in-memory/README.md']);
  expect(readme()).toMatch(/^# Title\n\n<!-- capabilities:start -->\n\n\|  \| in memory \|\n/);
  expect(readme()).toContain('| delay | native |');
  expect(readme()).toContain('| exactly-once | refused |');
  expect(readme()).toContain('| dead letters with cause | emulated |');
  expect(readme()).toMatch(/<!-- capabilities:end -->\n\nAfter\.\n$/);
});

test('the line of versions stands behind the title, which may be of several words', () => {
  for (const name of ['kafka-4.3', 'kafka-share-4.3'])
    writeFileSync(join(root, `certificates/${name}.json`), toJson(proven));
  mkdirSync(join(root, 'packages/adapter-kafka'), { recursive: true });
  writeFileSync(join(root, 'packages/adapter-kafka/README.md'), marks);
  generateTables(root);
  expect(readme()).toContain('|  | Kafka 4.3 | share groups on Kafka 4.3 | in memory |');
});

test('writing twice changes nothing, and then the check is content', () => {
  generateTables(root);
  expect(generateTables(root)).toEqual([]);
  expect(generateTables(root, { check: true })).toEqual([]);
});

test('a hand edit is found by the check, which writes nothing', () => {
  generateTables(root);
  const edited = readme().replace('| exactly-once | refused |', '| exactly-once | native |');
  writeFileSync(join(root, 'README.md'), edited);
  expect(generateTables(root, { check: true })).toEqual(['README.md']);
  expect(readme()).toBe(edited);
});

test('a certificate with a failure makes no table', () => {
  certify({ ...proven, cases: proven.cases.map((one) => ({ ...one, state: 'fail' })) });
  expect(() => generateTables(root)).toThrow('the certificate of in memory has cases that failed or are unknown: Q01');
});

test('a certificate of a part of the suite makes no table', () => {
  certify({ ...proven, run: { ...proven.run, chosen: ['Q01'] } });
  expect(() => generateTables(root)).toThrow('the certificate of in memory is of a part of the suite (Q01)');
  certify({ ...proven, run: { ...proven.run, profile: 'quick' } });
  expect(() => generateTables(root)).toThrow('is of a part of the suite (quick)');
});

test('a value that no case proved makes no table', () => {
  certify({
    ...proven,
    proofs: proven.proofs.map((proof, index) => (index === 0 ? { ...proof, state: 'open' } : proof)),
  });
  expect(() => generateTables(root)).toThrow('leaves unproven: queue.');
});

test('a page without its marks and a folder without certificates are errors', () => {
  writeFileSync(join(root, 'README.md'), 'nothing');
  expect(() => generateTables(root)).toThrow(/README\.md needs the lines/);
  rmSync(join(root, 'certificates/memory.json'));
  expect(() => generateTables(root)).toThrow(/no certificate in/);
});

test('a file that is no certificate is named', () => {
  writeFileSync(join(root, 'certificates/memory.json'), '{}');
  expect(() => generateTables(root)).toThrow('memory.json is no certificate of this suite');
});
