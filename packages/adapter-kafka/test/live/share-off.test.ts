import { startKafka } from '@waybill/testbed';
import { afterAll, expect, test } from 'vitest';
import { runConsole } from './console.ts';
import { openShared, take } from './share-support.ts';
import { failureOf, messages, newQueue, open, read, store } from './support.ts';

const broker = await startKafka({ line: '4.3', name: 'kafka-shares-off' });
afterAll(() => broker[Symbol.asyncDispose]());

test('a Kafka whose share groups are switched off is refused, and serves queues as groups that read partitions', async () => {
  {
    await using link = await openShared(broker.url);
    await (await take(link, await newQueue(link))).receiver.close();
  }
  const kafkajs = await failureOf(open({ url: broker.url, client: 'kafkajs', queues: 'share-groups' }));
  expect(String(kafkajs)).toContain('kafkajs carries no share groups');
  await runConsole('features', broker.url, ['downgrade', '--feature', 'share.version=0']);
  const error = await failureOf(openShared(broker.url));
  expect(error).toMatchObject({ code: 'unsupported' });
  expect(String(error)).toContain('share.version=1');
  await using link = await open(broker.url);
  const orders = await newQueue(link);
  await store(link, orders, messages(3));
  const reading = await read(link, orders);
  expect(await reading.take(3)).toHaveLength(3);
  await reading.receiver.close();
});
