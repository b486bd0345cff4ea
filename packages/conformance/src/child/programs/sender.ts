import { connect, type EveryNeed, queue, type SendOptions, type } from '@waybill/core';
import { endWithParent, failpoint } from '../failpoint.ts';

/** Sends jobs to a queue with needs and options, and ends once they are stored. Point: `stored`. */
interface Input {
  readonly name: string;
  readonly needs: EveryNeed;
  readonly options: SendOptions<EveryNeed>;
  readonly jobs: readonly { readonly id: string }[];
}

const [url, given] = process.argv.slice(2) as [string, string];
const { name, needs, options, jobs } = JSON.parse(given) as Input;

endWithParent();
const bus = await connect(url, { it: queue(name, { schema: type<object>(), needs }) });
for (const job of jobs) await bus.it.send(job, { ...options, id: job.id });
await failpoint('stored');
process.disconnect?.();
process.exit(0);
