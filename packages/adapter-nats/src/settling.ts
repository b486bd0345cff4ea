import type { Settlement, Unsettled } from '@waybill/core/driver';
import { nanos } from '@nats-io/transport-node';
import type { Connection } from './connection.ts';
import { versionNumber } from './capabilities.ts';

export const accepted: Uint8Array = Buffer.from('+ACK');
const released: Uint8Array = Buffer.from('-NAK');
const rejected: Uint8Array = Buffer.from('+TERM');
const inProgress: Uint8Array = Buffer.from('+WPI');

/** Says what became of messages, to the subjects they came with. JetStream answers none of it: what does not arrive is delivered again. */
export function settleAll({ client, version }: Connection, batch: readonly Settlement<string>[]): readonly Unsettled[] {
  for (const settlement of batch) client.publish(settlement.receipt, wordOf(settlement, version));
  return [];
}

export function extendAll({ client }: Connection, receipts: readonly string[]): readonly Unsettled[] {
  for (const receipt of receipts) client.publish(receipt, inProgress);
  return [];
}

/** The reason goes into an advisory of the server; one before 2.10 understands the bare word only. */
function wordOf(settlement: Settlement<string>, version: string): Uint8Array {
  switch (settlement.outcome) {
    case 'accept':
      return accepted;
    case 'release':
      return settlement.delayMs > 0 ? Buffer.from(`-NAK {"delay":${nanos(Math.ceil(settlement.delayMs))}}`) : released;
    case 'reject':
      return versionNumber(version) < 2011 || settlement.reason === ''
        ? rejected
        : Buffer.from(`+TERM ${settlement.reason}`);
  }
}

export const lost = (batch: readonly unknown[]): readonly Unsettled[] =>
  batch.map((_, index) => ({ index, outcome: 'lost' }));
