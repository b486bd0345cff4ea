import { checkFields, isPlain, isText } from '../check.ts';
import { isAtMostOnce } from '../destination/facts.ts';
import type { Source } from '../driver/place.ts';
import type { Depth } from '../driver/topology.ts';
import { invalid, WaybillError } from '../error/error.ts';
import { Batcher } from '../receive/batcher.ts';
import type { SteadyConsumer } from '../receive/consumer.ts';
import { HandOver } from '../receive/hand-over.ts';
import type { Carrier } from './carrier.ts';
import { consume, type Consuming } from './consuming.ts';
import type { BatchHandler, BatchOptions, ConsumeOptions, Deliveries, Handler } from './handles.ts';

/** What is consumed, before it is said how. */
export type Place = Pick<Consuming, 'destination' | 'source' | 'name' | 'filter'>;

/** Options as the consumer knows them: the rest belongs to the form or the kind. */
function consumeOptions(options: ConsumeOptions): ConsumeOptions {
  const { concurrency, maxInFlight, handlerTimeoutMs, leaseMs, drainMs, window, middleware, signal } = options;
  return Object.fromEntries(
    Object.entries({ concurrency, maxInFlight, handlerTimeoutMs, leaseMs, drainMs, window, middleware, signal }).filter(
      ([, value]) => value !== undefined,
    ),
  );
}

export function consumeEach(
  carrier: Carrier,
  place: Place,
  handler: Handler<unknown>,
  options: ConsumeOptions,
): Promise<SteadyConsumer> {
  return consume(carrier, { ...place, handler, options: consumeOptions(options) });
}

/** `concurrency` counts batches here. */
export async function consumeBatch(
  carrier: Carrier,
  place: Place,
  handler: BatchHandler<unknown>,
  options: ConsumeOptions & BatchOptions,
): Promise<SteadyConsumer> {
  const { maxMessages = 100, maxWaitMs = 50 } = options;
  const batcher = new Batcher(handler, maxMessages, maxWaitMs, carrier.clock, isAtMostOnce(place.destination));
  const concurrency = maxMessages * (options.concurrency ?? 1);
  const maxInFlight = Math.max(concurrency, options.maxInFlight ?? concurrency * 2);
  const consumer = await consume(carrier, {
    ...place,
    handler: batcher.handle,
    options: { ...consumeOptions(options), concurrency, maxInFlight },
  });
  consumer.stopping.addEventListener('abort', () => batcher.close(), { once: true });
  if (consumer.stopping.aborted) batcher.close();
  return consumer;
}

/** Deliveries for a loop. Ending the loop, or closing, gives back what is not settled. */
export async function deliveries(
  carrier: Carrier,
  place: Place,
  options: ConsumeOptions,
): Promise<Deliveries<unknown>> {
  const handOver = new HandOver(isAtMostOnce(place.destination));
  const consumer = await consume(carrier, {
    ...place,
    handler: handOver.handle,
    options: consumeOptions(options),
    byHand: true,
  });
  const close = async (): Promise<void> => {
    handOver.end();
    await consumer.close();
  };
  options.signal?.addEventListener('abort', () => void close(), { once: true });
  void consumer.ended.then(() => handOver.end());
  return {
    close,
    [Symbol.asyncDispose]: close,
    async *[Symbol.asyncIterator]() {
      try {
        for (let loan = await handOver.next(); loan; loan = await handOver.next()) yield loan;
      } finally {
        await close();
      }
    },
  };
}

/** What the broker tells about places; refused with a sentence where it tells nothing. */
export function depth(carrier: Carrier, where: string, source: Source): Promise<Depth> {
  return carrier.ask(`tell the depth of ${where}`, async ({ admin }) => {
    if (!admin)
      throw new WaybillError('unsupported', `${where}: ${carrier.driver.name} cannot be asked how much it holds`);
    return admin.depth(source);
  });
}

export function purge(carrier: Carrier, where: string, source: Source): Promise<void> {
  return carrier.ask(`purge ${where}`, async ({ admin }) => {
    if (!admin?.purge)
      throw new WaybillError(
        'unsupported',
        `${where}: ${carrier.driver.name} cannot purge; consume the messages instead`,
      );
    await admin.purge(source);
  });
}

/** `depth({ subscription })`, `depth({ group })`. */
export function checkDepthOf(where: string, of: object, allowed: 'subscription' | 'group'): void {
  if (!isPlain(of)) throw invalid(`${where}: depth takes { ${allowed} }`);
  checkFields(`${where}: depth`, of, { [allowed]: isText });
}
