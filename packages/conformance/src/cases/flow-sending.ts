import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import { WaybillError } from '@waybill/core';
import { channelOf, forWay, type Way } from './channel.ts';
import { gate, interposed } from './interposed.ts';

/** B07, B08: a producer that is faster than its broker waits, and is refused before it fills the memory. */
export const flowSending: readonly Case[] = [
  forWay('queue', {
    id: 'B07',
    title: 'at most the window is unconfirmed, further sends wait, and above the waiting room they are refused',
    run: window,
  }),
  forWay('queue', {
    id: 'B08',
    title: 'a broker that blocks its producers is reported, costs nothing, and is sent to again when it reads again',
    priority: 1,
    kind: 'fault',
    requires: { controls: ['block'] },
    timeoutMs: 60_000,
    run: blocked,
  }),
];

async function window(context: Context, way: Way): Promise<void> {
  const door = gate();
  let [out, mostOut, isShut] = [0, 0, false];
  const { driver } = interposed(await context.driver(), {
    async send(send, batch) {
      out += batch.length;
      mostOut = Math.max(mostOut, out);
      if (isShut) await door.passed;
      const sent = await send();
      out -= batch.length;
      return sent;
    },
  });
  const channel = await channelOf(context, way)({ driver, window: 10, maxWaiting: 20 });
  const inbox = context.inbox();
  await channel.consume(inbox.handler);
  isShut = true;
  const jobs = context.jobs(40);
  const outcomes = Promise.allSettled(jobs.map((job) => channel.send(job)));
  await context.until('a full window', () => out >= 10);
  await context.quiet();
  context.expect.equal(out, 10, 'messages handed to the driver while it answers nothing');
  door.open();
  const settled = await outcomes;
  const refused = settled
    .filter(({ status }) => status === 'rejected')
    .map((one) => (one as PromiseRejectedResult).reason as unknown);
  context.expect.equal(refused.length, 10, 'sends above window and waiting room');
  for (const error of refused) {
    context.expect.ok(
      WaybillError.is(error, 'overloaded') && error.outcome === 'rejected',
      `refused as overloaded, not ${String(error)}`,
    );
  }
  await inbox.complete(
    jobs.filter((_, index) => settled[index]!.status === 'fulfilled'),
    'what was not refused',
  );
  context.expect.equal(mostOut, 10, 'messages out at once, over the whole run');
}

async function blocked(context: Context, way: Way): Promise<void> {
  const open = channelOf(context, way);
  const [producer, consumer] = [await open(), await open()];
  const inbox = context.inbox();
  await consumer.consume(inbox.handler);
  const states = (): string[] => context.events.flatMap((event) => (event.type === 'link' ? [event.state] : []));
  const jobs = context.jobs(200);
  await producer.sendMany(jobs.slice(0, 50));
  await context.broker.block();
  // A broker says so only to those who send.
  const sending = Promise.allSettled(jobs.slice(50).map((job) => producer.send(job)));
  await context.until('the block to be reported', () => states().includes('blocked'));
  await context.broker.unblock();
  const settled = await sending;
  context.expect.equal(settled.filter(({ status }) => status === 'rejected').length, 0, 'sends that failed');
  await inbox.complete(jobs, 'each once');
  context.expect.equal(states().at(-1), 'live', 'the state in the end');
}
