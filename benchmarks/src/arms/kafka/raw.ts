import { Consumer, type MessageRecord, Producer } from '@platformatic/kafka';
import { inArrays } from '../shared/lanes.ts';
import { type Assignment, numberIn, textIn } from '../shared/measured.ts';
import type { Order } from '../shared/order.ts';
import { type RawClient, rawPrograms } from '../shared/raw-client.ts';
import { type Fetching, openFetching, openProduction, type Production, recordOf } from './raw-connection.ts';

/** One each: members of one group would wait for one another. */
const groupOf = (topic: string): string => `bench-${topic}`;
const commitEveryMs = 50;
/** Kafka takes a megabyte at once, and these are some 300 bytes each. */
const mostRecords = 3_000;
type Handle = (order: Order) => Promise<void>;

/**
 * @platformatic/kafka. Settings: `style` (`tuned`: its requests, without its consumer and producer; `idiomatic`: those;
 * `each`: sends await one another), `queue` (a topic with one partition), `prefetch`, `window`.
 */
async function open(assignment: Assignment): Promise<RawClient> {
  return textIn(assignment, 'style') === 'tuned' ? openTuned(assignment) : openIdiomatic(assignment);
}

async function openTuned(assignment: Assignment): Promise<RawClient> {
  const url = textIn(assignment, 'url');
  const topic = textIn(assignment, 'queue');
  const production = await openProduction(url, topic);
  const fetching = await openFetching(url, topic, groupOf(topic));
  const batches = new Batches(production);
  return {
    publish: (index) => batches.add(recordOf(topic, index)),
    publishAll: (first, count) =>
      inArrays(first, count, numberIn(assignment, 'window'), (at, size) =>
        production.produce(Array.from({ length: size }, (_, offset) => recordOf(topic, at + offset))),
      ),
    async consume(handle) {
      void consumeTuned(fetching, numberIn(assignment, 'prefetch'), handle);
    },
  };
}

/** One request at a time: what comes meanwhile goes together in the next. */
class Batches {
  readonly #production: Production;
  #waiting: MessageRecord[] = [];
  #next: Promise<void> | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(production: Production) {
    this.#production = production;
  }

  add(record: MessageRecord): Promise<void> {
    this.#waiting.push(record);
    this.#next ??= this.#last = this.#produce(this.#last);
    return this.#next;
  }

  async #produce(before: Promise<void>): Promise<void> {
    await before;
    await new Promise((resolve) => setImmediate(resolve));
    const records = this.#waiting;
    this.#waiting = [];
    this.#next = undefined;
    for (let from = 0; from < records.length; from += mostRecords)
      await this.#production.produce(records.slice(from, from + mostRecords));
  }
}

/** The next fetch is on its way while these are handled, `most` at once; the end of the finished prefix is committed now and then. */
async function consumeTuned(fetching: Fetching, most: number, handle: Handle): Promise<never> {
  let done = 0n;
  let committed = 0n;
  setInterval(() => {
    if (done === committed) return;
    committed = done;
    void fetching.commit(done);
  }, commitEveryMs);
  for (let fetch = fetching.fetch(0n); ;) {
    const { values, next } = await fetch;
    fetch = fetching.fetch(next);
    for (let from = 0; from < values.length; from += most) {
      const some = values.slice(from, from + most);
      await Promise.all(some.map((value) => handle(JSON.parse(value.toString()) as Order)));
    }
    done = next;
  }
}

/** As its readme has it: a stream of messages, committed by the client; sends of one message. */
async function openIdiomatic(assignment: Assignment): Promise<RawClient> {
  const { host } = new URL(textIn(assignment, 'url'));
  const topic = textIn(assignment, 'queue');
  const base = { clientId: 'benchmarks', bootstrapBrokers: [host] };
  const producer = new Producer(base);
  const consumer = new Consumer({ ...base, groupId: groupOf(topic) });
  const publish = (index: number): Promise<unknown> => producer.send({ messages: [recordOf(topic, index)], acks: -1 });
  return {
    publish,
    publishAll: (first, count) => inArrays(first, count, 1, publish),
    async consume(handle) {
      const messages = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: true });
      void readAll(messages as AsyncIterable<{ readonly value: Buffer }>, handle);
    },
    async close() {
      await Promise.all([producer.close(), consumer.close(true)]);
    },
  };
}

async function readAll(messages: AsyncIterable<{ readonly value: Buffer }>, handle: Handle): Promise<void> {
  for await (const { value } of messages) await handle(JSON.parse(value.toString()) as Order);
}

export const programs = rawPrograms(open);
