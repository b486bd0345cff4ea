import type { Case } from '@waybill/conformance';
import { caseWith } from '../support.ts';

/** One case for each state. */
export const doorCases: readonly Case[] = [
  caseWith(async ({ expect }) => expect.ok(true, 'fine'), { id: 'Q91', traffic: 'none' }),
  caseWith(async ({ expect }) => expect.equal(1, 2, 'two'), { id: 'Q92' }),
  caseWith(async ({ inconclusive }) => inconclusive('nothing was seen'), { id: 'Q93' }),
  caseWith(async () => {}, { id: 'Q94', requires: { controls: ['pause'] } }),
  caseWith(async () => {}, { id: 'Q95', requires: { able: () => 'not here' } }),
  caseWith(async () => {}, { id: 'Q96', requires: { kind: 'queue', needs: { delivery: 'exactly-once' } } }),
];
