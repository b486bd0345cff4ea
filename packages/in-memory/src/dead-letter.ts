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
  const cause = {
    'waybill-dead-reason': reason,
    'waybill-dead-error': reason,
    'waybill-dead-from': from,
    'waybill-dead-attempts': String(failures),
    'waybill-dead-at': String(at),
  };
  return { ...stored, sendId: `${stored.sendId}/dead`, headers: { ...stored.headers, ...cause } };
}
