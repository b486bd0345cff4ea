import { type Nats, natsLines, startNats, waitFor } from '@waybill/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { accept, consume, idsOf, message, newQueue, open, store } from './support.ts';

describe.each(natsLines)('what a SIGKILL of NATS %s leaves', (line) => {
  let server: Nats;
  beforeAll(async () => {
    server = await startNats({ line, name: 'adapter-restart' });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test.each(['none', 'key'] as const)(
    'a send whose answer it took is stored once, though its message was consumed in between (order %s)',
    async (order) => {
      await using first = await open(server.url);
      const queue = await newQueue(first, { order });
      await store(first, queue, [message('unanswered')]);
      await server.kill();
      await server.restart();
      await using second = await open(server.url);
      const consumer = await consume(second, queue);
      await consumer.settle(accept, ...(await consumer.take(1)));
      const isEmpty = async (): Promise<true | undefined> =>
        (await second.admin!.depth(queue)).inFlight === 0 || undefined;
      await waitFor('the message to be accepted', isEmpty);
      await store(second, queue, [message('unanswered'), message('next')]);
      expect(idsOf(await consumer.take(1))).toEqual(['next']);
      await consumer.receiver.close();
    },
    30_000,
  );
});
