import { nodeRunner, registerConformance } from '@waybill/conformance';
import { memoryTarget } from '../support.ts';
import { doorCases } from './door-cases.ts';

await registerConformance(memoryTarget(), nodeRunner, {
  cases: doorCases.filter(({ id }) => id === 'Q91' || id === 'Q94'),
});
