import { registerConformance, vitestRunner } from '@waybill/conformance';
import { redisLines } from '@waybill/testbed';
import { afterAll, describe, test } from 'vitest';
import { redisTarget } from '../../../conformance/test/targets/redis.ts';

for (const line of redisLines) {
  const target = await redisTarget(line);
  await registerConformance(target, vitestRunner({ describe, test, afterAll }), { seed: 1 });
  afterAll(() => target.close?.());
}
