import { connect } from '@waybill/core';
import { type Assignment, type Measured, numberIn, textIn } from '../shared/measured.ts';
import { Gauge } from './gauge.ts';
import { usual } from './queues.ts';

/** Consumes a filled queue with Waybill, as many at once as are prefetched. Settings: `prefetch`. */
export async function program(assignment: Assignment): Promise<Measured> {
  const work = usual(textIn(assignment, 'queue'));
  // `verify` fails unless the queue is as Waybill would have declared it.
  await using bus = await connect(textIn(assignment, 'url'), { work }, { topology: 'verify' });
  const prefetch = numberIn(assignment, 'prefetch');
  const gauge = new Gauge(assignment);
  await using _consumer = await bus.work.consume(gauge.handle, { concurrency: prefetch, maxInFlight: prefetch });
  return await gauge.measured();
}
