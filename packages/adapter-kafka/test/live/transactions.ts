import { type Admin, Producer, stringSerializers } from '@platformatic/kafka';
import { waitFor } from '@waybill/testbed';
import { runConsole } from './console.ts';
import { brokersOf, foreignAdmin } from './support.ts';

/** One producer, one transaction after the other: `<word> <number>` as JSON text in each, committed or aborted as it says. */
export async function transactionsIn(
  url: string,
  topic: string,
  endings: readonly ('aborted' | 'committed')[],
  perTransaction = 1,
): Promise<void> {
  const producer = transactionalProducer(url, `t-${topic}`);
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

const transactionalProducer = (url: string, transactionalId: string) =>
  new Producer({
    clientId: 'foreign',
    bootstrapBrokers: brokersOf(url),
    serializers: stringSerializers,
    idempotent: true,
    transactionalId,
    acks: -1,
    producerId: -1n,
    producerEpoch: -1,
  });

/** As an operator does who wants to be rid of a producer. */
export async function takeOver(url: string, transactionalId: string): Promise<void> {
  const producer = transactionalProducer(url, transactionalId);
  try {
    await producer.beginTransaction();
  } finally {
    await producer.close();
  }
}

/** What Kafka's own consumer finds in a topic, from its beginning on: what was committed, or also what was not. */
export async function valuesIn(
  url: string,
  topic: string,
  isolation: 'read_committed' | 'read_uncommitted' = 'read_committed',
): Promise<string[]> {
  const from = ['--topic', topic, '--from-beginning', '--isolation-level', isolation, '--timeout-ms', '4000'];
  return (await runConsole('consumer', url, from)).split('\n').filter((line) => line !== '');
}

/** Of partition 0: how far those who read only what was committed may read, and how far it goes. */
export async function endsOf(url: string, topic: string): Promise<{ readonly stable: bigint; readonly end: bigint }> {
  await using admin = closing(foreignAdmin(url));
  const ask = async (isolationLevel: 0 | 1): Promise<bigint> => {
    const partitions = [{ partitionIndex: 0, timestamp: -1n }];
    const [found] = await admin.listOffsets({ topics: [{ name: topic, partitions }], isolationLevel });
    return found!.partitions[0]!.offset;
  };
  return { stable: await ask(1), end: await ask(0) };
}

const closing = (admin: Admin) => Object.assign(admin, { [Symbol.asyncDispose]: () => admin.close() });

/** Waits until something in partition 0 is not committed yet, or until everything is. */
export const untilOpen = (url: string, topic: string, timeoutMs = 20_000): Promise<true> =>
  waitFor('an open transaction', () => endsOf(url, topic).then(({ stable, end }) => stable < end || undefined), {
    timeoutMs,
    everyMs: 20,
  });
export const untilClosed = (url: string, topic: string, timeoutMs = 20_000): Promise<true> =>
  waitFor('no open transaction', () => endsOf(url, topic).then(({ stable, end }) => stable === end || undefined), {
    timeoutMs,
  });
