import { Producer, stringSerializers } from '@platformatic/kafka';
import { brokersOf } from './support.ts';

/** One producer, one transaction after the other: `<word> <number>` as JSON text in each, committed or aborted as it says. */
export async function transactionsIn(
  url: string,
  topic: string,
  endings: readonly ('aborted' | 'committed')[],
  perTransaction = 1,
): Promise<void> {
  const producer = new Producer({
    clientId: 'foreign',
    bootstrapBrokers: brokersOf(url),
    serializers: stringSerializers,
    idempotent: true,
    transactionalId: `t-${topic}`,
    acks: -1,
    producerId: -1n,
    producerEpoch: -1,
  });
  try {
    for (const [index, ending] of endings.entries()) {
      const transaction = await producer.beginTransaction();
      const value = JSON.stringify(`${ending} ${index}`);
      await transaction.send({
        messages: Array.from({ length: perTransaction }, () => ({ topic, partition: 0, value })),
      });
      await (ending === 'committed' ? transaction.commit() : transaction.abort());
    }
  } finally {
    await producer.close();
  }
}
