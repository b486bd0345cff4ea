import { connect, type Delivery, queue, stream, topic, type } from '@waybill/core';
import { endWithParent, failpoint } from '../failpoint.ts';

/** Consumes exactly once and sends each job on, until it is killed. Points: `ready`, `handling` and `sent`, each with the job's id. */
interface Input {
  readonly kind: 'queue' | 'topic' | 'stream';
  readonly from: string;
  /** A stream. */
  readonly to: string;
}

const [url, given] = process.argv.slice(2) as [string, string];
const { kind, from, to } = JSON.parse(given) as Input;

type Job = { readonly id: string };
const schema = type<Job>();
const needs = { delivery: 'exactly-once' } as const;
const output = stream(to, { schema, key: () => 'key' });

endWithParent();
await open();
await failpoint('ready');

async function open(): Promise<void> {
  switch (kind) {
    case 'queue': {
      const bus = await connect(url, { source: queue(from, { schema, needs }), output }, { topology: 'assume' });
      await bus.source.consume((job, delivery) => pass(job, delivery, () => delivery.send(bus.output, job)));
      return;
    }
    case 'topic': {
      const bus = await connect(url, { source: topic(from, { schema, needs }), output }, { topology: 'assume' });
      const handle = (job: Job, delivery: Delivery<Job>) => pass(job, delivery, () => delivery.send(bus.output, job));
      await bus.source.subscribe(handle, { subscription: 'kept' });
      return;
    }
    case 'stream': {
      const bus = await connect(url, { source: stream(from, { schema, needs }), output }, { topology: 'assume' });
      const handle = (job: Job, delivery: Delivery<Job>) => pass(job, delivery, () => delivery.send(bus.output, job));
      await bus.source.consume(handle, { group: 'kept' });
    }
  }
}

async function pass({ id }: Job, { attempt }: Delivery<Job>, send: () => Promise<void>): Promise<void> {
  await failpoint('handling', { id, attempt });
  await send();
  await failpoint('sent', { id, attempt });
}
