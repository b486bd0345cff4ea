import { setTimeout as pause } from 'node:timers/promises';
import { connect, queue, type } from '@waybill/core';
import { endWithParent, failpoint } from '../failpoint.ts';

/** Consumes an ordered queue until it is killed. Points: `ready`, `handling` and `handled`, each with the job. */
interface Job {
  readonly id: string;
  readonly n: number;
  readonly key: string;
}

/** What a killed consumer held is free again after this time, at brokers with leases. */
const leaseMs = 2_000;

const [url, given] = process.argv.slice(2) as [string, string];
const { name } = JSON.parse(given) as { readonly name: string };

endWithParent();
const destination = queue(name, { schema: type<Job>(), needs: { order: 'key' }, key: ({ key }) => key });
const bus = await connect(url, { it: destination });
await bus.it.consume(
  async ({ key, n }) => {
    await failpoint('handling', { key, n });
    await pause(2);
    await failpoint('handled', { key, n });
  },
  { leaseMs },
);
await failpoint('ready');
