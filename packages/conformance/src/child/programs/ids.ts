import { writeFileSync } from 'node:fs';
import { connect, type Driver, queue } from '@waybill/core';
import type { Capabilities } from '@waybill/core/driver';
import { endWithParent, failpoint } from '../failpoint.ts';

/** Makes messages without a broker, writes their ids into a file, one a line, and ends. */
const [, given] = process.argv.slice(2) as [string, string];
const { count, file } = JSON.parse(given) as { readonly count: number; readonly file: string };

const channel = {
  style: 'message',
  delivery: 'at-least-once',
  order: 'none',
  partial: 'each',
  release: 'immediate',
  attempts: 'failures',
  deadLetter: 'none',
  delay: 'none',
  ttl: 'none',
  priority: 'none',
  dedup: 'none',
  excludes: [],
  limits: { maxBytes: 1_000_000, maxBatch: 1000, maxDelayMs: 0, maxReleaseDelayMs: 0 },
} as const;
const capabilities: Capabilities = {
  queue: channel,
  topic: 'none',
  stream: 'none',
  reply: 'none',
  atomic: 'none',
  admin: 'none',
};

const ids: string[] = [];
/** Stores nothing: it only looks at what core hands over. */
const driver: Driver = {
  spec: 1,
  name: 'ids',
  capabilities,
  classify: () => 'internal',
  connect: async () => ({
    native: undefined,
    capabilities,
    closed: new Promise(() => undefined),
    async send(_target, batch) {
      for (const { id } of batch) ids.push(id);
      return { unsent: [] };
    },
    receive: () => Promise.reject(new Error('nothing comes out of this driver')),
    ping: async () => undefined,
    close: async () => undefined,
  }),
};

endWithParent();
const bus = await connect(driver, { it: queue('ids') }, { topology: 'assume' });
const batch = Array.from({ length: 1000 }, (_, index) => index);
while (ids.length < count) await bus.it.sendMany(batch);
writeFileSync(file, ids.join('\n'));
await failpoint('written', ids.length);
process.disconnect?.();
process.exit(0);
