import { randomUUID } from 'node:crypto';
import { headers } from '@nats-io/transport-node';
import { versionNumber } from './capabilities.ts';
import type { Connection } from './connection.ts';
import type { Address } from './names.ts';

/**
 * A server before 2.12 that began anew knows no send ids until it needs one, and then reads those that its stream still
 * holds: a send whose answer was lost is stored again if its message has been consumed in between. So it is made to
 * read them before anything is: a message that comes after one which cannot be there is refused, for which the server
 * has to look. Without the right to publish it stays as it is.
 */
export async function recallSendIds(
  { client, version, settings }: Connection,
  { stream, subject }: Address,
): Promise<void> {
  if (versionNumber(version) >= 2012) return;
  const lines = headers();
  lines.set('Nats-Expected-Stream', stream);
  lines.set('Nats-Expected-Last-Msg-Id', randomUUID());
  await client
    .request(subject, undefined, { headers: lines, timeout: settings.answerTimeoutMs })
    .catch(() => undefined);
}
