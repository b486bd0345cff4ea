import { registerConformance, vitestRunner } from '@waybill/conformance';
import { afterAll, describe, test } from 'vitest';
import { target } from '../../conformance/test/targets/memory.ts';

await registerConformance(target, vitestRunner({ describe, test, afterAll }), { seed: 1 });
