import {
  connect,
  type ConsumeOptions,
  type Delivery,
  fixed,
  type Needs,
  queue,
  Reject,
  stream,
  topic,
  type,
} from '@waybill/core';
import { endWithParent, failpoint } from '../failpoint.ts';

/** What a killed consumer held is free again after this time, at brokers with leases. */
const leaseMs = 2_000;

/** Consumes until it is killed. Points: `ready`, `handling` and `handled`, each with the job's id and attempt. */
interface Input {
  readonly kind: 'queue' | 'topic' | 'stream';
  readonly name: string;
  readonly options?: ConsumeOptions;
  /** Of a topic. */
  readonly subscription?: string;
  /** Of a stream. */
  readonly group?: string;
  /** @default 'at-least-once' */
  readonly delivery?: 'at-most-once' | 'at-least-once';
  /** Further needs, as the destination was declared by others. */
  readonly needs?: Needs;
  /** What every handler does at its end. @default it succeeds */
  readonly fails?: 'throw' | 'reject';
  /** Between attempts, in milliseconds. @default 0 */
  readonly waitMs?: number;
}

const [url, given] = process.argv.slice(2) as [string, string];
const {
  kind,
  name,
  options: asked = {},
  subscription,
  group = 'group',
  needs = {},
  delivery = 'at-least-once',
  fails,
  waitMs = 0,
} = JSON.parse(given) as Input;

const options: ConsumeOptions = { leaseMs, ...asked };

type Job = { readonly id: string };
const common = {
  schema: type<Job>(),
  needs: { ...needs, delivery } as {},
  retry: { attempts: 5, backoff: fixed(waitMs) },
};

endWithParent();
await open();
await failpoint('ready');

async function handle({ id }: Job, { attempt }: Delivery<Job>): Promise<void> {
  await failpoint('handling', { id, attempt });
  if (fails === 'reject') throw new Reject('for good');
  if (fails === 'throw') throw new Error('not yet');
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
