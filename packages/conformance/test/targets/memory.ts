import { memory, memoryBroker } from '@waybill/in-memory';
import { defineTarget } from '@waybill/conformance';

const broker = memoryBroker();

/** A broker inside this process; its faults stand in for those of a network. */
export const target = defineTarget({
  name: 'memory',
  driver: () => memory(broker),
  profile: { durable: 'none', reach: 'process', note: 'inside one process; nothing outlives it' },
  timing: { quietMs: 60 },
  control: {
    disconnect: async () => {
      broker.faults.disconnect();
      return `every link was lost (fault ${broker.faults.log.length} in the broker's log)`;
    },
    pause: async () => {
      broker.faults.pause();
      return 'the broker answers nothing';
    },
    resume: async () => {
      broker.faults.resume();
      return 'the broker answers again';
    },
  },
});
