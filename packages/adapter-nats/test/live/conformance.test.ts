import { registerConformance, vitestRunner } from '@waybill/conformance';
import { afterAll, describe, test } from 'vitest';
import { natsTarget } from '../../../conformance/test/targets/nats.ts';

/** 2.9 is not certified yet: after a SIGKILL it may hand out a message twice without an explanation (G04:kill). */
const certified = ['2.15'] as const;

for (const line of certified) {
  const target = await natsTarget(line);
  await registerConformance(target, vitestRunner({ describe, test, afterAll }), { seed: 1 });
  afterAll(() => target.close?.());
}
