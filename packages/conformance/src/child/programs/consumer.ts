import { connect, type ConsumeOptions, type Delivery, queue, stream, topic, type } from '@waybill/core';
import { endWithParent, failpoint } from '../failpoint.ts';

/** Consumes until it is killed. Points: `ready`, `handling` and `handled`, each with the job's id and attempt. */
interface Input {
  readonly kind: 'queue' | 'topic' | 'stream';
  readonly name: string;
  readonly options?: ConsumeOptions;
  /** Of a topic. */
  readonly subscription?: string;
  /** Of a stream. */
  readonly group?: string;
  readonly delivery?: 'at-most-once' | 'at-least-once';
}

const [url, given] = process.argv.slice(2) as [string, string];
const { kind, name, options = {}, subscription, group = 'group', delivery = 'at-least-once' } = JSON.parse(given) as Input;

type Job = { readonly id: string };
const common = { schema: type<Job>(), needs: { delivery }, retry: { attempts: 5, backoff: () => 0 } };

endWithParent();
await open();
await failpoint('ready');

async function handle({ id }: Job, { attempt }: Delivery<Job>): Promise<void> {
  await failpoint('handling', { id, attempt });
  await failpoint('handled', { id, attempt });
}

async function open(): Promise<void> {
  switch (kind) {
    case 'queue': {
      const { it } = await connect(url, { it: queue(name, common) }, { topology: 'assume' });
      await it.consume(handle, options);
      return;
    }
    case 'topic': {
      const { it } = await connect(url, { it: topic(name, common) }, { topology: 'assume' });
      await it.subscribe(handle, { ...options, ...(subscription !== undefined && { subscription }) });
      return;
    }
    case 'stream': {
      const { it } = await connect(url, { it: stream(name, common) }, { topology: 'assume' });
      await it.consume(handle, { ...options, group });
    }
  }
}
