import type { Destination } from '../destination/destination.ts';
import { besideOf, deadLetterOf, isAtMostOnce, isExactlyOnce, isOrdered, orderOf } from '../destination/facts.ts';
import type { Filter, Source } from '../driver/place.ts';
import { bounded } from '../clock.ts';
import { WaybillError } from '../error/error.ts';
import { Fate } from '../emulate/fate.ts';
import { matcher } from '../emulate/filter.ts';
import { retryPolicy } from '../emulate/retry.ts';
import { delayQueue, nativeSchedule, servedSteps } from '../plan/steps.ts';
import { placeOf } from '../plan/topology.ts';
import { SteadyConsumer } from '../receive/consumer.ts';
import { decoder } from '../receive/decode.ts';
import type { Loan } from '../receive/loan.ts';
import { type Work, workOf } from '../receive/runner.ts';
import type { ConsumerTerms } from '../receive/terms.ts';
import type { Carrier } from './carrier.ts';
import type { ConsumeOptions } from './handles.ts';
import { outputsOf } from './outputs.ts';

export interface Consuming {
  readonly destination: Destination;
  readonly source: Exclude<Source, { readonly kind: 'reply' }>;
  /** As it is called in events: the queue, or `topic/subscription`. */
  readonly name: string;
  readonly handler: (value: unknown, loan: Loan) => unknown;
  readonly options: ConsumeOptions;
  /** Settling is left to the user. */
  readonly byHand?: boolean;
  /** @default what the destination needs */
  readonly atMostOnce?: boolean;
  /** In the order of the source, whatever the keys: for a loop, which takes one at a time anyway. */
  readonly asTheyCome?: boolean;
  /** What the broker cannot choose by itself. */
  readonly filter?: Filter | undefined;
}

/** Opens a consumer, and those that serve its delay queues, and waits until it receives. */
export async function consume(carrier: Carrier, consuming: Consuming): Promise<SteadyConsumer> {
  await carrier.ready();
  const consumer = open(carrier, consuming);
  serveDelays(carrier, consuming);
  const { signal } = consuming.options;
  signal?.addEventListener('abort', () => void consumer.close(), { once: true });
  if (signal?.aborted) void consumer.close();
  try {
    await bounded(carrier.clock, consumer.ready, carrier.connectTimeoutMs, () =>
      notReady(consuming.name, carrier.connectTimeoutMs),
    );
    return consumer;
  } catch (error) {
    await consumer.close();
    throw error;
  }
}

const notReady = (name: string, timeoutMs: number): WaybillError =>
  new WaybillError('unavailable', `${name}: not ready to receive within ${timeoutMs} ms; nothing was taken`, {
    destination: name,
  });

function open(carrier: Carrier, consuming: Consuming): SteadyConsumer {
  const terms = termsOf(carrier, consuming);
  const fate = new Fate(terms);
  return start(carrier, terms, fate, workOf(terms, fate));
}

function start(carrier: Carrier, terms: ConsumerTerms, fate: Fate, work: Work): SteadyConsumer {
  return carrier.own(
    new SteadyConsumer(carrier.keeper, terms, { fate, work, onClosed: (consumer) => carrier.disown(consumer) }),
  );
}

function termsOf(
  carrier: Carrier,
  { destination, source, name, handler, options, byHand = false, filter, atMostOnce, asTheyCome }: Consuming,
): ConsumerTerms {
  const channel = carrier.channel(destination);
  const concurrency = options.concurrency ?? 16;
  const exactlyOnce = isExactlyOnce(destination) && !asTheyCome;
  return {
    name,
    source,
    target: { kind: destination.kind, ...placeOf(destination, carrier.driver.name) },
    channel,
    atMostOnce: atMostOnce ?? isAtMostOnce(destination),
    exactlyOnce,
    output: outputsOf(carrier, name, exactlyOnce),
    concurrency,
    maxInFlight: options.maxInFlight ?? concurrency * 2,
    leaseMs: options.leaseMs ?? 30_000,
    drainMs: options.drainMs ?? 30_000,
    window: options.window ?? 1000,
    keyOf: asTheyCome ? undefined : keyOf(destination),
    decode: decoder(destination),
    handler,
    byHand,
    middleware: [...(carrier.options.middleware ?? []), ...(options.middleware ?? [])],
    handlerTimeoutMs: options.handlerTimeoutMs,
    matches: filter && matcher(filter),
    expires: destination.needs.ttl !== undefined,
    retry: retryPolicy(destination.options.retry),
    schedule: nativeSchedule(destination, channel),
    beside: besideOf(destination),
    steps: servedSteps(destination, channel),
    deadLetter: deadLetterOf(destination),
    mostDeliveries: mostDeliveries(destination),
    sender: carrier.sender,
    copyTerms: carrier.copyTerms(destination),
    clock: carrier.clock,
    observer: carrier.observer,
    codeOf: (error) => carrier.keeper.codeOf(error),
  };
}

/**
 * A message that ends its process each time must not come for ever. But brokers count deliveries that nobody ran as well,
 * in a drain or a crash elsewhere: so not the policy's own number, but twice that, and never less than RabbitMQ's own
 * limit (https://www.rabbitmq.com/docs/quorum-queues#poison-message-handling). Dead letters are never given up.
 */
function mostDeliveries(destination: Destination): number {
  if (deadLetterOf(destination) === destination.name) return Infinity;
  return Math.max(leastDeliveries, retryPolicy(destination.options.retry).attempts * 2);
}
const leastDeliveries = 20;

function keyOf(destination: Destination): ((loan: Loan) => string) | undefined {
  if (!isOrdered(destination)) return undefined;
  return orderOf(destination) === 'total' ? () => '' : (loan) => `${loan.lane}\0${loan.incoming.key ?? ''}`;
}

const delaysAtOnce = 256;

/** Who consumes a destination serves its delay queues too, once per bus and for as long as the bus lives. */
function serveDelays(carrier: Carrier, consuming: Consuming): void {
  const { destination } = consuming;
  const steps = servedSteps(destination, carrier.channel(destination));
  const beside = besideOf(destination);
  if (steps.length === 0 || !carrier.firstToServe(beside)) return;
  for (const step of steps) {
    const name = delayQueue(beside, step);
    const options = { concurrency: delaysAtOnce, maxInFlight: delaysAtOnce };
    const terms = {
      ...termsOf(carrier, { ...consuming, options, atMostOnce: false }),
      name,
      source: { kind: 'queue', name, order: 'none' },
      keyOf: undefined,
    } as const;
    const fate = new Fate(terms);
    start(carrier, terms, fate, {
      run: (loan) => fate.forward(loan, step),
      conclude() {},
      fail: (loan, error) => fate.failed(loan, error),
    });
  }
}
