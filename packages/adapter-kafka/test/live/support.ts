import { Admin, Consumer, type Message, Producer } from '@platformatic/kafka';
import { kafka, type KafkaOptions } from '@waybill/adapter-kafka';
import type {
  Lane,
  LaneOwner,
  Link,
  Place,
  Positioned,
  PositionReceiver,
  ReceiveOptions,
  Source,
} from '@waybill/core/driver';
import { waitFor } from '@waybill/testbed';
import { closing, declare, never, place, receive } from '../../../conformance/test/link.ts';

export {
  declare,
  failureOf,
  message,
  messages,
  newQueue,
  outcomesOf,
  place,
  store,
} from '../../../conformance/test/link.ts';

export async function open(options: string | KafkaOptions): Promise<Link & AsyncDisposable> {
  return closing(await kafka(options).connect({ signal: never, onBlocked: () => {} }));
}

/** As `newQueue` makes one. */
export type QueuePlace = { readonly kind: 'queue' } & Place;
export type StreamPlace = { readonly kind: 'stream' } & Place;
/** A declared stream of its own. */
export async function newStream(link: Link, partitions = 1, native?: unknown): Promise<StreamPlace> {
  const where = place(native === undefined ? {} : { native });
  await declare(link, { kind: 'stream', ...where, partitions });
  return { kind: 'stream', ...where };
}
/** A receiver with the lanes that it has now. */
export class Reading implements LaneOwner<Positioned> {
  readonly receiver: PositionReceiver;
  readonly lanes = new Map<string, Lane<Positioned>>();
  readonly left: Lane<Positioned>[] = [];
  /** What is done while lanes are taken away. */
  onRevoking: (lanes: readonly Lane<Positioned>[]) => Promise<void> = () => Promise.resolve();

  constructor(receiver: PositionReceiver) {
    this.receiver = receiver;
  }
  granted(lanes: readonly Lane<Positioned>[]): void {
    for (const lane of lanes) this.lanes.set(lane.id, lane);
  }
  revoking(lanes: readonly Lane<Positioned>[]): Promise<void> {
    return this.onRevoking(lanes);
  }
  ended(lanes: readonly Lane<Positioned>[]): void {
    for (const lane of lanes) {
      this.left.push(lane);
      if (this.lanes.get(lane.id) === lane) this.lanes.delete(lane.id);
    }
  }
  /** The only lane, or the one of this partition. */
  lane(partition?: number): Promise<Lane<Positioned>> {
    return waitFor('a lane', async () =>
      [...this.lanes.values()].find(({ id }) => partition === undefined || id.endsWith(`/${partition}`)),
    );
  }
  /** At least this many of all lanes that are there, within ten seconds. */
  async take(many: number): Promise<Positioned[]> {
    await this.lane();
    const got: Positioned[] = [];
    const deadline = AbortSignal.timeout(10_000);
    while (got.length < many) {
      const enough = new AbortController();
      const signal = AbortSignal.any([deadline, enough.signal]);
      const pulls = [...this.lanes.values()].map((lane) =>
        lane.pull(many - got.length, signal).then((batch) => {
          if (batch.length > 0) enough.abort();
          return batch;
        }),
      );
      got.push(...(await Promise.all(pulls)).flat());
      if (deadline.aborted && got.length < many)
        throw new Error(`${got.length} of ${many} messages came in ten seconds`);
    }
    return got;
  }
  /** What comes of all lanes within the time: for proving that something does not come. */
  async takeWithin(ms: number): Promise<Positioned[]> {
    const got: Positioned[] = [];
    const deadline = AbortSignal.timeout(ms);
    await Promise.all(
      [...this.lanes.values()].map(async (lane) => {
        while (!deadline.aborted) got.push(...(await lane.pull(1000, deadline)));
      }),
    );
    return got;
  }
}

export async function read(link: Link, source: Source, options: Partial<ReceiveOptions> = {}): Promise<Reading> {
  const receiver = await receive(link, 'position', source, options);
  const reading = new Reading(receiver);
  receiver.start(reading);
  return reading;
}

export const brokersOf = (url: string): string[] => [new URL(url).host];

/** A program that uses the stock client and knows nothing of Waybill. */
export function foreignProducer(url: string) {
  const producer = new Producer({ clientId: 'foreign', bootstrapBrokers: brokersOf(url), acks: -1 });
  return Object.assign(producer, { [Symbol.asyncDispose]: () => producer.close() });
}
export const foreignAdmin = (url: string): Admin =>
  new Admin({ clientId: 'foreign', bootstrapBrokers: brokersOf(url) });

/** A member of a group that speaks another protocol than ours. */
export async function foreignConsumer(url: string, groupId: string, topic: string, protocol: string) {
  const consumer = new Consumer({
    clientId: 'foreign',
    groupId,
    bootstrapBrokers: brokersOf(url),
    autocommit: false,
    protocols: [{ name: protocol, version: 1 }],
  });
  consumer.topics.track(topic);
  await consumer.joinGroup();
  return { memberId: consumer.memberId, [Symbol.asyncDispose]: () => consumer.close(true) };
}

/** Reads a topic from its beginning. */
export async function foreignReader(url: string, topic: string) {
  const consumer = new Consumer({ clientId: 'foreign', groupId: `foreign-${topic}`, bootstrapBrokers: brokersOf(url) });
  const messages = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false });
  return {
    async take(many: number): Promise<Message[]> {
      const got: Message[] = [];
      for await (const one of messages) {
        got.push(one);
        if (got.length >= many) break;
      }
      return got;
    },
    async [Symbol.asyncDispose]() {
      await consumer.close(true);
    },
  };
}
