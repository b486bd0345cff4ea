import { queue, type } from '@waybill/core';
import type { Case } from '../case.ts';
import type { Job } from '../inbox.ts';
import { caseOf } from './define.ts';

const define = caseOf({ requires: { kind: 'queue' } });

/** Q01 to Q06: what goes in comes out, once, and nowhere else. */
export const queueBasics: readonly Case[] = [
  define({
    id: 'Q01',
    title: 'one message arrives with its id, body, headers, key and attempt 1',
    proves: ['queue.delivery=at-least-once'],
    async run(context) {
      const jobs = queue(context.name(), { schema: type<Job>(), key: ({ n }) => `key-${n}` });
      const bus = await context.connect({ jobs });
      const inbox = context.inbox();
      const [job] = context.jobs(1);
      await bus.jobs.send(job!, { id: `${job!.id}-id`, headers: { 'x-color': 'blue' }, correlationId: 'order 7' });
      await bus.jobs.consume(inbox.handler);
      await inbox.complete([job!], 'exactly the one message arrived');
      const [taken] = inbox.taken;
      context.expect.deepEqual(taken!.value, job, 'the value');
      context.expect.equal(taken!.id, `${job!.id}-id`, 'the id');
      context.expect.equal(taken!.key, 'key-1', 'the key');
      context.expect.deepEqual(taken!.headers, { 'x-color': 'blue' }, 'the headers');
      context.expect.equal(taken!.delivery.correlationId, 'order 7', 'the correlation id');
      context.expect.equal(taken!.attempt, 1, 'the attempt');
    },
  }),
];
