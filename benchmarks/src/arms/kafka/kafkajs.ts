import { randomUUID } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import { inArrays } from '../shared/lanes.ts';
import { type Assignment, numberIn, textIn } from '../shared/measured.ts';
import { makeOrder, type Order } from '../shared/order.ts';
import { type RawClient, rawPrograms } from '../shared/raw-client.ts';

const messageOf = (index: number) => ({
  value: JSON.stringify(makeOrder(index)),
  headers: { id: randomUUID(), type: 'application/json' },
});

/**
 * kafkajs as its documentation has it: `eachMessage`, offsets committed by the client; acks=all. Settings: `style`
 * (`each`: one message a send, awaited; else arrays of `window`), `queue` (a topic with one partition).
 */
async function open(assignment: Assignment): Promise<RawClient> {
  const topic = textIn(assignment, 'queue');
  const kafka = new Kafka({ brokers: [new URL(textIn(assignment, 'url')).host], logLevel: logLevel.ERROR });
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  const consumer = kafka.consumer({ groupId: `bench-${topic}` });
  await producer.connect();
  const size = textIn(assignment, 'style') === 'each' ? 1 : numberIn(assignment, 'window');
  const send = (first: number, count: number): Promise<unknown> =>
    producer.send({
      topic,
      acks: -1,
      messages: Array.from({ length: count }, (_, offset) => messageOf(first + offset)),
    });
  return {
    publish: (index) => send(index, 1),
    publishAll: (first, count) => inArrays(first, count, size, send),
    async consume(handle) {
      await consumer.connect();
      await consumer.subscribe({ topic, fromBeginning: true });
      await consumer.run({
        eachMessage: async ({ message }) => handle(JSON.parse(message.value?.toString() ?? '') as Order),
      });
    },
    async close() {
      await producer.disconnect();
      await consumer.disconnect();
    },
  };
}

export const programs = rawPrograms(open);
