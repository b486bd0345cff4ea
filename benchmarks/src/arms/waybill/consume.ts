import { Gauge } from '../shared/gauge.ts';
import type { Assignment, Measured } from '../shared/measured.ts';
import { openWay } from './way.ts';

/** Consumes a filled place with Waybill. Settings: those of `openWay`. */
export async function program(assignment: Assignment): Promise<Measured> {
  await using way = await openWay(assignment);
  const gauge = new Gauge(assignment);
  await way.consume(gauge.handle);
  return await gauge.measured();
}
