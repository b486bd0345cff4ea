// Kills a broker right after a queue was declared and its messages confirmed, and counts what is left of them.
// By hand: fresh-queue.ts <line> <quorum|stream|classic> <none|second-declare|wait> [milliseconds to wait] [kills]
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, type Channel } from 'amqplib';
import { rabbitmqLines, startRabbitmq, waitFor, type Broker, type RabbitmqLine } from '@waybill/testbed';

export interface Experiment {
  readonly type: 'quorum' | 'stream' | 'classic';
  /** What the client does between the declaration and the first message. */
  readonly remedy: 'none' | 'second-declare' | 'wait';
  readonly waitMs?: number;
}

export interface Outcome {
  readonly confirmed: number;
  /** "unreadable" when the server could not even say that the queue is empty. */
  readonly found: number | 'unreadable';
  readonly declaredToKillMs: number;
}

const messages = 100;

/** One kill. The broker runs again afterwards. */
export async function killFreshQueue(broker: Broker, { type, remedy, waitMs = 0 }: Experiment): Promise<Outcome> {
  const queue = `fresh-${randomUUID()}`;
  const connection = await connect(broker.url);
  connection.on('error', () => {});
  const channel = await connection.createConfirmChannel();
  const declaration = { durable: true, arguments: { 'x-queue-type': type } };
  await channel.assertQueue(queue, declaration);
  const declaredAt = performance.now();
  if (remedy === 'second-declare') await settle(channel);
  if (remedy === 'wait') await pause(waitMs);
  for (let count = 0; count < messages; count++)
    channel.sendToQueue(queue, Buffer.from(`${count}`), { persistent: true });
  await channel.waitForConfirms();
  const declaredToKillMs = Math.round(performance.now() - declaredAt);
  await broker.kill();
  await broker.restart();
  return { confirmed: messages, found: await count(broker, queue, type), declaredToKillMs };
}

/** A second declaration makes the server write what it still holds back of the first. */
async function settle(channel: Channel): Promise<void> {
  const name = `settle-${randomUUID()}`;
  await channel.assertQueue(name, { durable: true, arguments: { 'x-queue-type': 'quorum', 'x-expires': 60_000 } });
  await channel.deleteQueue(name);
}

/**
 * Asks for ten seconds, on a connection of its own each time: a stream is there only a moment after the server
 * answers, and asking too early costs the channel (3.10) or the whole connection (4.3).
 */
async function count(broker: Broker, queue: string, type: Experiment['type']): Promise<number | 'unreadable'> {
  const read = async () => {
    const connection = await connect(broker.url);
    // The rejected call below says it too.
    connection.on('error', () => {});
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    const found = await (type === 'stream' ? countStream(channel, queue) : drain(channel, queue)).catch(
      () => undefined,
    );
    await connection.close().catch(() => {});
    return found;
  };
  return waitFor('the queue', read, { everyMs: 100 }).catch(() => 'unreadable');
}

async function drain(channel: Channel, queue: string): Promise<number> {
  for (let found = 0; ; found++) if ((await channel.get(queue, { noAck: true })) === false) return found;
}

async function countStream(channel: Channel, queue: string): Promise<number> {
  let found = 0;
  await channel.prefetch(messages);
  await channel.consume(queue, () => void found++, { arguments: { 'x-stream-offset': 'first' } });
  return waitFor('all messages', () => (found === messages ? found : undefined), { timeoutMs: 3_000 });
}

async function main([line, type, remedy, waitMs, kills = '5']: readonly string[]): Promise<void> {
  if (!rabbitmqLines.includes(line as RabbitmqLine)) throw new Error(`which line? ${rabbitmqLines.join(', ')}`);
  await using broker = await startRabbitmq({ line: line as RabbitmqLine, name: 'fresh-queue' });
  for (let kill = 1; kill <= Number(kills); kill++) {
    const outcome = await killFreshQueue(broker, { type, remedy, waitMs: Number(waitMs) } as Experiment);
    console.log(broker.version, type, remedy, waitMs ?? '', JSON.stringify(outcome));
  }
}

if (import.meta.main) await main(process.argv.slice(2));
