import { registerConformance, vitestRunner } from '@waybill/conformance';
import { rabbitmqLines } from '@waybill/testbed';
import { afterAll, describe, test } from 'vitest';
import { rabbitmqTarget } from '../../../conformance/test/targets/rabbitmq.ts';

for (const line of rabbitmqLines) {
  const target = await rabbitmqTarget(line);
  await registerConformance(target, vitestRunner({ describe, test, afterAll }), { seed: 1 });
  afterAll(() => target.close?.());
}
