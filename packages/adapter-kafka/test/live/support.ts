import { Admin, Consumer, type Message, Producer } from '@platformatic/kafka';
import { kafka, type KafkaOptions } from '@waybill/adapter-kafka';
import type {
  Declaration,
  Lane,
  LaneOwner,
  Link,
  Outgoing,
  Place,
  Positioned,
  PositionReceiver,
  ReceiveOptions,
  Sent,
  Source,
} from '@waybill/core/driver';
import { waitFor } from '@waybill/testbed';

const never = new AbortController().signal;

let count = 0;
/** A place that no other test has. */
export const place = (over: Partial<Place> = {}): Place => ({
  name: `t${process.pid}.${Date.now().toString(36)}.${count++}`,
  order: 'none',
  ...over,
});

export async function open(options: string | KafkaOptions): Promise<Link & AsyncDisposable> {
  const link = await kafka(options).connect({ signal: never, onBlocked: () => {} });
  return Object.assign(link, { [Symbol.asyncDispose]: () => link.close() });
}

const queueOf = (where: Place, over: Partial<Extract<Declaration, { kind: 'queue' }>> = {}): Declaration => ({
  kind: 'queue',
  priority: false,
  ttl: false,
  delay: false,
  ...where,
  ...over,
});

/** Declares, and expects that nothing differs. */
export async function declare(link: Link, ...declarations: readonly Declaration[]): Promise<void> {
  const mismatches = await link.declare!(declarations, 'create');
  if (mismatches.length > 0) throw new Error(`differs: ${JSON.stringify(mismatches)}`);
}

export type StreamPlace = { readonly kind: 'stream' } & Place;
/** A declared stream of its own. */
export async function newStream(link: Link, partitions = 1, native?: unknown): Promise<StreamPlace> {
  const where = place(native === undefined ? {} : { native });
  await declare(link, { kind: 'stream', ...where, partitions });
  return { kind: 'stream', ...where };
}
/** A declared queue of its own. */
export async function newQueue(link: Link, native?: unknown): Promise<{ readonly kind: 'queue' } & Place> {
  const where = place(native === undefined ? {} : { native });
  await declare(link, queueOf(where));
  return { kind: 'queue', ...where };
}

export const message = (id: string, over: Partial<Outgoing> = {}): Outgoing => ({
  id,
  sendId: id,
  body: Buffer.from(JSON.stringify(id)),
  contentType: 'application/json',
  sentAt: Date.now(),
  headers: {},
  ...over,
});
export const messages = (many: number, over: Partial<Outgoing> = {}): Outgoing[] =>
  Array.from({ length: many }, (_, index) => message(`m${index}`, over));

/** Sends, and expects that everything is stored. */
export async function store(
  link: Link,
  target: StreamPlace | ({ readonly kind: 'queue' | 'topic' } & Place),
  batch: readonly Outgoing[],
): Promise<void> {
  const { unsent } = await link.send(target, batch);
  if (unsent.length > 0) throw new Error(`not stored: ${String(unsent[0]?.error)}`);
}

export const outcomesOf = ({ unsent }: Sent): string[] =>
  [...unsent].sort((one, other) => one.index - other.index).map(({ index, outcome }) => `${index} ${outcome}`);

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
  const receiver = await link.receive(source, {
    signal: never,
    delivery: 'at-least-once',
    maxInFlight: 100,
    leaseMs: 30_000,
    ...options,
  });
  if (receiver.style !== 'position') throw new Error(`a ${receiver.style} receiver came`);
  const reading = new Reading(receiver);
  receiver.start(reading);
  return reading;
}

/** The error of something that must fail, caught from the start. */
export const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'it did not fail',
    (error: unknown) => error,
  );

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
