import { connect, queue, stream, topic, WaybillError } from '@waybill/core';
import { endWithParent, failpoint } from '../failpoint.ts';

/** Sends jobs one after another, or all at once, and ends. Points: `connected`, `sending`, `sent` or `not sent`, each with the job's id. */
interface Input {
  readonly kind: 'queue' | 'topic' | 'stream';
  readonly name: string;
  readonly jobs: readonly { readonly id: string; readonly n: number }[];
  /** Does not await a send before the next. @default false */
  readonly pipelined?: boolean;
}

const [url, given] = process.argv.slice(2) as [string, string];
const { kind, name, jobs, pipelined = false } = JSON.parse(given) as Input;

endWithParent();
const send = await open();
await failpoint('connected');
if (pipelined) await Promise.all(jobs.map(one));
else for (const job of jobs) await one(job);
await failpoint('done');
process.disconnect?.();
process.exit(0);

async function open(): Promise<(job: object, id: string) => Promise<unknown>> {
  switch (kind) {
    case 'queue': {
      const { it } = await connect(url, { it: queue(name) }, { topology: 'assume' });
      return (job, id) => it.send(job, { id });
    }
    case 'topic': {
      const { it } = await connect(url, { it: topic(name) }, { topology: 'assume' });
      return (job, id) => it.publish(job, { id });
    }
    case 'stream': {
      const { it } = await connect(url, { it: stream(name) }, { topology: 'assume' });
      return (job, id) => it.append(job, { id });
    }
  }
}

async function one(job: Input['jobs'][number]): Promise<void> {
  await failpoint('sending', job.id);
  try {
    await send(job, job.id);
    await failpoint('sent', job.id);
  } catch (error) {
    await failpoint('not sent', { id: job.id, code: WaybillError.is(error) ? error.code : 'internal' });
  }
}
