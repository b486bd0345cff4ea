import { registerConformance, vitestRunner } from '@waybill/conformance';
import { afterAll, describe, test } from 'vitest';
import { kafkaTarget } from '../../../conformance/test/targets/kafka.ts';

const target = await kafkaTarget('4.3', 'platformatic', 'share-groups');
await registerConformance(target, vitestRunner({ describe, test, afterAll }), { seed: 1 });
afterAll(() => target.close?.());
