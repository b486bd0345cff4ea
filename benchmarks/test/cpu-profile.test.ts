import { expect, test } from 'vitest';
import { byFunction, byPackage, type CpuProfile } from '../src/harness/cpu-profile.ts';

const node = (id: number, functionName: string, url = '', lineNumber = 0) => ({
  id,
  callFrame: { functionName, url, lineNumber },
});

const profile: CpuProfile = {
  nodes: [
    node(1, '(idle)'),
    node(2, 'send', 'file:///project/waybill/packages/core/src/send.ts', 9),
    node(3, 'send', 'file:///project/waybill/packages/core/src/send.ts', 9),
    node(4, '', 'node:net', 4),
    node(5, '(garbage collector)'),
    node(6, 'run', 'file:///project/waybill/benchmarks/src/arms/a.ts', 1),
    node(7, 'write', 'file:///x/node_modules/.pnpm/amqplib@2/node_modules/amqplib/lib/mux.js', 2),
  ],
  samples: [1, 2, 3, 4, 5, 6, 7],
  timeDeltas: [1000, 10, 30, 20, 20, 10, 10],
};

test('self time is summed by function, wherever it was called from, without idle time', () => {
  expect(byFunction(profile)[0]).toEqual({ name: 'send  core/src/send.ts:10', share: 0.4 });
  expect(byFunction(profile).reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
});

test('self time is summed by package', () => {
  const shares = Object.fromEntries(byPackage(profile).map(({ name, share }) => [name, share]));
  expect(shares).toEqual({ core: 0.4, node: 0.2, '(garbage collector)': 0.2, 'the arm itself': 0.1, amqplib: 0.1 });
});
