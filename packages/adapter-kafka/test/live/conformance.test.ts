import { registerConformance, vitestRunner } from '@waybill/conformance';
import { kafkaLines } from '@waybill/testbed';
import { afterAll, describe, test } from 'vitest';
import { kafkaTarget } from '../../../conformance/test/targets/kafka.ts';

for (const line of kafkaLines) {
  const target = await kafkaTarget(line);
  await registerConformance(target, vitestRunner({ describe, test, afterAll }), { seed: 1 });
  afterAll(() => target.close?.());
}
