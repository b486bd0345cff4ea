import { connect } from 'amqplib';
import { type Assignment, type Measured, numberIn, textIn } from '../shared/measured.ts';
import { makeOrder } from '../shared/order.ts';
import { Gauge } from '../shared/gauge.ts';
import { OpenLoop } from '../shared/open-loop.ts';
import { consumeIdiomatically, consumeTuned, envelope, Window } from './raw.ts';

/**
 * Publishes and consumes with amqplib, on two connections of one process. Settings: `style` (`idiomatic` or `tuned`),
 * `prefetch`, `rate` (messages per second; 0: as fast as a window of `window` allows, to find out how fast that is).
 */
export async function program(assignment: Assignment): Promise<Measured> {
  const isTuned = textIn(assignment, 'style') === 'tuned';
  const url = textIn(assignment, 'url');
  const queue = textIn(assignment, 'queue');
  const options = isTuned ? { noDelay: true } : undefined;
  const [publishing, consuming] = await Promise.all([connect(url, options), connect(url, options)]);
  const publisher = await publishing.createConfirmChannel();
  const consumer = await consuming.createChannel();
  await consumer.prefetch(numberIn(assignment, 'prefetch'));
  const consume = isTuned ? consumeTuned : consumeIdiomatically;
  const measured = await measure();
  await Promise.all([publishing.close(), consuming.close()]);
  return measured;

  async function measure(): Promise<Measured> {
    const rate = numberIn(assignment, 'rate');
    if (rate === 0) {
      const gauge = new Gauge(assignment);
      await consume(consumer, queue, gauge.handle);
      const window = new Window(publisher, queue, numberIn(assignment, 'window'), envelope);
      await window.send(assignment.warmUp + assignment.messages);
      return await gauge.measured();
    }
    const loop = new OpenLoop(assignment, rate);
    await consume(consumer, queue, loop.handle);
    return await loop.run((index) => {
      publisher.publish('', queue, Buffer.from(JSON.stringify(makeOrder(index))), envelope(), throwIfRefused);
    });
  }
}

function throwIfRefused(error: unknown): void {
  if (error) throw error as Error;
}
