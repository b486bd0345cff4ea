import { rabbitmqLines, startRabbitmq, waitFor } from '@waybill/testbed';
import { expect, test } from 'vitest';
import { consume, messages, newQueue, open, store } from './support.ts';

test.each(rabbitmqLines)(
  'RabbitMQ %s keeps what it confirmed, though it is killed right after it made the queue',
  async (line) => {
    await using broker = await startRabbitmq({ line, name: 'adapter-fresh' });
    const first = await open(broker.url);
    const since = performance.now();
    const queue = await newQueue(first);
    await store(first, queue, messages(100));
    await broker.kill();
    expect(performance.now() - since).toBeLessThan(900);
    await broker.restart();
    await using second = await open(broker.url);
    // The older line finds the queue only some time after it answers.
    const consumer = await waitFor('the queue', () => consume(second, queue).catch(() => undefined));
    expect((await consumer.take(100)).map(({ id }) => id)).toEqual(messages(100).map(({ id }) => id));
  },
);
