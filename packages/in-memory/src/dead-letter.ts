import type { Outgoing } from '@waybill/core/driver';
import type { Entry } from './records.ts';

export interface Cause {
  readonly from: string;
  readonly reason: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** The message as it died, with the cause where Waybill's own dead letters have it. */
export function deadLetterOf({ stored, failures }: Entry, { from, reason, at }: Cause): Outgoing {
  const { id, body, contentType, sentAt, key, routingKey, replyTo, correlationId, priority } = stored;
  const headers = {
    ...stored.headers,
    'waybill-dead-reason': reason,
    'waybill-dead-error': reason,
    'waybill-dead-from': from,
    'waybill-dead-attempts': String(failures),
    'waybill-dead-at': String(at),
  };
  return {
    id,
    sendId: `${stored.sendId}/dead`,
    body,
    headers,
    contentType,
    sentAt,
    key,
    routingKey,
    replyTo,
    correlationId,
    priority,
  };
}
