import { Kafka, logLevel } from 'kafkajs';
import { makeOrders, type Order } from '../arms/shared/order.ts';
import { type ClientGround, sequenceOf, type Store } from './client-ground.ts';

const chunk = 2_000;

/** A broker that has just started makes its own topics when it is first asked for a group, or for the number of a producer. */
async function warmUp(kafka: Kafka): Promise<void> {
  const idempotent = kafka.producer({ idempotent: true });
  await idempotent.connect();
  await idempotent.disconnect();
  const member = kafka.consumer({ groupId: 'warm-up' });
  await member.connect();
  await member.subscribe({ topics: [] });
  await member.run({ eachMessage: () => Promise.resolve() });
  await member.disconnect();
}

/** The harness's own connection to a Kafka that nobody else uses. */
export async function openKafkaGround(url: string): Promise<ClientGround & { close(): Promise<unknown> }> {
  const kafka = new Kafka({ brokers: [new URL(url).host], logLevel: logLevel.ERROR });
  const admin = kafka.admin();
  await admin.connect();
  await warmUp(kafka);
  const raw: Store = {
    async fill(topic, count) {
      await admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 1 }], waitForLeaders: true });
      // A producer asks about every topic that it ever had, also when it is deleted: so each has but one.
      const producer = kafka.producer({ allowAutoTopicCreation: false });
      await producer.connect();
      for (let first = 0; first < count; first += chunk) {
        const orders = makeOrders(first, Math.min(chunk, count - first));
        await producer.send({ topic, acks: -1, messages: orders.map((order) => ({ value: JSON.stringify(order) })) });
      }
      await producer.disconnect();
    },
    async drain(topic, expected) {
      const consumer = kafka.consumer({ groupId: `drain-${topic}` });
      await consumer.connect();
      await consumer.subscribe({ topic, fromBeginning: true });
      const faults = await sequenceOf(expected, (handle) =>
        consumer.run({
          eachMessage: async ({ message }) => handle(JSON.parse(message.value?.toString() ?? '') as Order),
        }),
      );
      await consumer.disconnect();
      return faults;
    },
  };
  return {
    url,
    raw: () => raw,
    async clear() {
      const topics = (await admin.listTopics()).filter((topic) => !topic.startsWith('__'));
      if (topics.length > 0) await admin.deleteTopics({ topics });
      const { groups } = await admin.listGroups();
      if (groups.length > 0) await admin.deleteGroups(groups.map(({ groupId }) => groupId));
    },
    close: () => admin.disconnect(),
  };
}
