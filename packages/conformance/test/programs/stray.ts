import { runConformance } from '@waybill/conformance';
import { caseWith, memoryTarget } from '../support.ts';

const fine = caseWith(async ({ expect }) => expect.ok(true, 'fine'), { id: 'Q91', traffic: 'none', when: 'end' });
const stray = caseWith(
  async ({ expect, quiet }) => {
    void Promise.reject(new Error('nobody listens'));
    await quiet();
    expect.ok(true, 'the case itself is fine');
  },
  { traffic: 'none' },
);
const { cases } = await runConformance(memoryTarget(), { cases: [stray, fine] });
console.log(JSON.stringify(cases.map(({ id, state, reason }) => ({ id, state, reason }))));
