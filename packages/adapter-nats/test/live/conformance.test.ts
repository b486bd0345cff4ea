import { registerConformance, vitestRunner } from '@waybill/conformance';
import { natsLines } from '@waybill/testbed';
import { afterAll, describe, test } from 'vitest';
import { natsTarget } from '../../../conformance/test/targets/nats.ts';

for (const line of natsLines) {
  const target = await natsTarget(line);
  await registerConformance(target, vitestRunner({ describe, test, afterAll }), { seed: 1 });
  afterAll(() => target.close?.());
}
