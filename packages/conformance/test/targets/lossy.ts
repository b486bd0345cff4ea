import { defineTarget } from '@waybill/conformance';
import { memory, memoryBroker } from '@waybill/in-memory';

const broker = memoryBroker();

/** A driver that confirms messages and drops them: the suite must not pass it. */
export const target = defineTarget({
  name: 'lossy',
  driver() {
    const driver = memory(broker);
    return {
      ...driver,
      async connect(options) {
        const link = await driver.connect(options);
        return {
          native: link.native,
          capabilities: link.capabilities,
          closed: link.closed,
          send: () => Promise.resolve({ unsent: [] }),
          receive: (source, how) => link.receive(source, how),
          ping: (signal) => link.ping(signal),
          close: () => link.close(),
          declare: (declarations, mode) => link.declare!(declarations, mode),
        };
      },
    };
  },
  profile: { durable: 'none', reach: 'process', note: 'loses everything' },
  timing: { positiveMs: 200, quietMs: 20 },
});
