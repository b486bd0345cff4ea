import { type Certificate, runConformance, toJson, toJunit, toMarkdown } from '@waybill/conformance';
import { beforeAll, expect, test } from 'vitest';
import { parseCertificate } from '../src/certificate/json.ts';
import { summary } from '../src/certificate/terminal.ts';
import { caseWith, memoryTarget } from './support.ts';

let certificate: Certificate;

beforeAll(async () => {
  const quiet = { traffic: 'none' } as const;
  const states = [
    caseWith(
      async ({ expect, evidence }) => {
        evidence('fact <1>', 'a "quoted" & <marked> fact\nin two lines');
        expect.ok(true, 'fine');
      },
      { id: 'Q91', ...quiet },
    ),
    caseWith(() => Promise.reject(new Error('odd <tag> & "quote" | pipe \u0007 bell')), { id: 'Q92' }),
    caseWith(async ({ inconclusive }) => inconclusive('no evidence'), { id: 'Q93' }),
    caseWith(async () => {}, { id: 'Q94', requires: { controls: ['pause'] } }),
    caseWith(async () => {}, { id: 'T95', group: 'T', requires: { able: () => 'not here' } }),
    caseWith(async () => {}, { id: 'Q96', requires: { kind: 'queue', needs: { delivery: 'exactly-once' } } }),
  ];
  certificate = await runConformance(memoryTarget(), { cases: states, seed: 3 });
});

test('every state is counted, in all and by group', () => {
  expect(certificate.counts).toEqual({ pass: 1, fail: 1, refused: 1, 'not-applicable': 1, 'not-run': 1, unknown: 1 });
  expect(certificate.byGroup.T).toEqual({
    pass: 0,
    fail: 0,
    refused: 0,
    'not-applicable': 1,
    'not-run': 0,
    unknown: 0,
  });
});

test('it says who was tested, by what, where and how to repeat it', () => {
  expect(certificate).toMatchObject({
    suite: { name: '@waybill/conformance' },
    contract: 1,
    adapter: { name: 'memory' },
    broker: { target: 'memory', durable: 'none' },
    run: { profile: 'full', seed: 3, node: process.version },
  });
  expect(certificate.answers).toContainEqual(
    expect.objectContaining({ kind: 'queue', need: 'delivery', wanted: 'exactly-once', by: 'nobody' }),
  );
});

test('JSON holds all of it', () => {
  expect(parseCertificate(toJson(certificate), 'x')).toEqual(certificate);
});

test('JUnit has one element for each case, counts that agree, and escapes what it must', () => {
  const xml = toJunit(certificate);
  expect(xml).toMatch(/tests="6" failures="1" errors="1" skipped="2"/);
  expect(xml.match(/<testcase /g)).toHaveLength(6);
  expect(xml).toContain('message="fail: Error: odd &lt;tag&gt; &amp; &quot;quote&quot; | pipe \ufffd bell"');
  expect(xml).toContain(
    'name="fact &lt;1&gt;" value="a &quot;quoted&quot; &amp; &lt;marked&gt; fact&#10;in two lines"',
  );
  expect(xml).toContain('<skipped message="not-run: no control: pause"/>');
  expect(xml).toContain('<property name="state" value="refused"/>');
});

test('Markdown keeps its tables whole and says what failed', () => {
  const text = toMarkdown(certificate);
  expect(text).toContain('**2 of 6 cases failed or are unknown: Q92, Q93.**');
  expect(text).toContain(String.raw`Error: odd <tag> & "quote" \| pipe`);
  expect(text.split('\n').filter((line) => line.startsWith('| Q9'))).toHaveLength(5);
});

test('the terminal shows reasons, what was not run, and a table', () => {
  const text = summary(certificate, { columns: 80, isColoured: false });
  expect(text).toContain('unknown  Q93');
  expect(text).toContain('Not run, so not proven here:\n  Q94: no control: pause');
  expect(text).toMatch(/^all +1 +1 +1 +1 +1 +1$/m);
  expect(summary(certificate, { columns: 80, isColoured: true })).toContain('\u001b[31m');
});
