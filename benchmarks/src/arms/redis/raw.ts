import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { inLanes } from '../shared/lanes.ts';
import { type Assignment, numberIn, textIn } from '../shared/measured.ts';
import { makeOrder, type Order } from '../shared/order.ts';
import { type RawClient, rawPrograms } from '../shared/raw-client.ts';

const group = 'bench';
const blockMs = 5_000;
type Handle = (order: Order) => Promise<void>;
type Entry = readonly [id: string, fields: readonly string[]];
type Read = readonly (readonly [stream: string, entries: readonly Entry[]])[] | null;

/**
 * ioredis, with a connection of its own for reads that wait. Settings: `style` (`idiomatic`; `tuned`; `each`: sends await
 * one another), `queue` (a stream with the group), `prefetch`, `window`. What is done is acknowledged and deleted.
 */
async function open(assignment: Assignment): Promise<RawClient> {
  const url = textIn(assignment, 'url');
  const stream = textIn(assignment, 'queue');
  const style = textIn(assignment, 'style');
  const commands = new Redis(url, { enableAutoPipelining: style === 'tuned' });
  const reads = new Redis(url);
  const prefetch = numberIn(assignment, 'prefetch');
  const read = async (count: number): Promise<Read> => {
    const args = ['GROUP', group, 'one', 'COUNT', count, 'BLOCK', blockMs, 'STREAMS', stream, '>'] as const;
    return (await reads.xreadgroup(...args)) as Read;
  };
  const publish = (index: number): Promise<unknown> => commands.xadd(stream, '*', ...fieldsOf(makeOrder(index)));
  const width = style === 'each' ? 1 : numberIn(assignment, 'window');
  return {
    publish,
    publishAll: (first, count) => inLanes(first, count, width, publish),
    async consume(handle) {
      void (style === 'tuned' ? consumeTuned : consumeIdiomatically)({ commands, stream, read, prefetch, handle });
    },
  };
}

/** What Waybill sends with every message, so that a raw arm with the same guarantee sends it too. */
const fieldsOf = (order: Order): string[] => [
  'body',
  JSON.stringify(order),
  'id',
  randomUUID(),
  'type',
  'application/json',
  'at',
  String(Date.now()),
];

const orderOf = ([, fields]: Entry): Order => JSON.parse(fields[1] ?? '') as Order;

interface Consuming {
  readonly commands: Redis;
  readonly stream: string;
  readonly read: (limit: number) => Promise<Read>;
  readonly prefetch: number;
  readonly handle: Handle;
}

/** As one writes a consumer by hand: read some, handle them at once, acknowledge and delete each, read the next. */
async function consumeIdiomatically({ commands, stream, read, prefetch, handle }: Consuming): Promise<never> {
  for (;;) {
    const found = await read(prefetch);
    await Promise.all(
      (found?.[0]?.[1] ?? []).map(async (entry) => {
        await handle(orderOf(entry));
        await commands.xack(stream, group, entry[0]);
        await commands.xdel(stream, entry[0]);
      }),
    );
  }
}

/** Reads on while handlers run, as long as no more than `prefetch` are held; one command for all that ended in a turn. */
async function consumeTuned({ commands, stream, read, prefetch, handle }: Consuming): Promise<never> {
  let done: string[] = [];
  const held = new Set<string>();
  let wake: () => void = () => undefined;
  const flush = async (): Promise<void> => {
    const ids = done;
    done = [];
    await Promise.all([commands.xack(stream, group, ...ids), commands.xdel(stream, ...ids)]);
    for (const id of ids) held.delete(id);
    wake();
  };
  const isFull = (): boolean => held.size > prefetch / 2;
  const ended = (id: string): void => {
    if (done.push(id) === 1) setImmediate(() => void flush());
  };
  for (;;) {
    while (isFull()) await new Promise<void>((resolve) => (wake = resolve));
    const found = await read(prefetch - held.size);
    for (const entry of found?.[0]?.[1] ?? []) {
      held.add(entry[0]);
      void handle(orderOf(entry)).then(() => ended(entry[0]));
    }
  }
}

export const programs = rawPrograms(open);
