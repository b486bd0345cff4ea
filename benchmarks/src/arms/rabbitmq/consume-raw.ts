import { connect } from 'amqplib';
import { type Assignment, type Measured, numberIn, textIn } from '../shared/measured.ts';
import { Gauge } from '../shared/gauge.ts';
import { consumeIdiomatically, consumeTuned } from './raw.ts';

/** Consumes a filled queue with amqplib. Settings: `style` (`idiomatic` or `tuned`), `prefetch`. */
export async function program(assignment: Assignment): Promise<Measured> {
  const isTuned = textIn(assignment, 'style') === 'tuned';
  const connection = await connect(textIn(assignment, 'url'), isTuned ? { noDelay: true } : undefined);
  const channel = await connection.createChannel();
  await channel.prefetch(numberIn(assignment, 'prefetch'));
  const gauge = new Gauge(assignment);
  await (isTuned ? consumeTuned : consumeIdiomatically)(channel, textIn(assignment, 'queue'), gauge.handle);
  const measured = await gauge.measured();
  await connection.close();
  return measured;
}
