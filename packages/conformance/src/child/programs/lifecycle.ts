import { connect, queue, type } from '@waybill/core';

/** Consumes what it sends, closes its bus, and then has nothing left to do: whether it ends is what is asked. Points: `handled`, `closed`. */
interface Input {
  readonly name: string;
  readonly jobs: readonly { readonly id: string }[];
}

const [url, given] = process.argv.slice(2) as [string, string];
const { name, jobs } = JSON.parse(given) as Input;

const tell = (point: string, detail?: unknown): Promise<void> =>
  new Promise((resolve) => process.send?.({ point, passage: 1, isHeld: false, detail }, () => resolve()));

const bus = await connect(url, { jobs: queue(name, { schema: type<{ readonly id: string }>() }) });
let handled = 0;
const all = new Promise<void>((resolve) => {
  void bus.jobs.consume(async ({ id }) => {
    await tell('handled', id);
    handled += 1;
    if (handled === jobs.length) resolve();
  });
});
await bus.jobs.sendMany(jobs);
await all;
await bus.close();
await tell('closed');
process.disconnect();
