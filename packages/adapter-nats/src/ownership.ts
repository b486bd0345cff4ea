import { randomUUID } from 'node:crypto';
import { RequestError, type Subscription } from '@nats-io/transport-node';
import type { Connection } from './connection.ts';

/** Of consumers whose owner listens, so that everybody can find out whether he is still there. */
const prefix = 'waybill-owner-';
const subjectOf = (consumer: string): string => `waybill.owner.${consumer.slice(prefix.length)}`;
const answerMs = 1000;

/** A name for a consumer, and the sign of life of its owner. */
export interface Claim {
  readonly consumer: string;
  readonly sign: Subscription;
}

/** Listens first. Who may not listen takes a name that nobody asks after, and is missed only by the server. */
export async function claim({ client }: Connection): Promise<Claim> {
  const consumer = `${prefix}${randomUUID()}`;
  let isRefused = false;
  const sign = client.subscribe(subjectOf(consumer), {
    callback: (error, message) => {
      if (error === null) message.respond();
      else isRefused = true;
    },
  });
  await client.flush();
  return { consumer: isRefused ? `waybill-${randomUUID()}` : consumer, sign };
}

/**
 * Removes the consumers of owners that have gone without a word: the server answers at once that nobody listens where a
 * connected owner would. An owner without his connection has lost everything that he held.
 */
export async function evictAbsent({ client, manager }: Connection, stream: string): Promise<void> {
  for await (const { name } of manager.consumers.list(stream)) {
    if (!name.startsWith(prefix)) continue;
    const isAbsent = await client.request(subjectOf(name), undefined, { timeout: answerMs }).then(
      () => false,
      (error: unknown) => error instanceof RequestError && error.isNoResponders(),
    );
    if (isAbsent) await manager.consumers.delete(stream, name);
  }
}
