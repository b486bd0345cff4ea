import {
  type Consumer,
  type ConsumeOptions,
  deadLettersOf,
  type Deliveries,
  type Depth,
  type DestinationOptions,
  type EveryNeed,
  type Handler,
  type ManyOptions,
  type Needs,
  queue,
  type SendOptions,
  topic,
  type,
} from '@waybill/core';
import type { BusOptions, Driver } from '@waybill/core';
import type { Case, Facts, Requirements } from '../case.ts';
import type { Context } from '../context.ts';
import type { Inbox, Job } from '../inbox.ts';
import { caseOf } from './define.ts';
import { atOnce } from './destinations.ts';

/** A queue, or one durable subscription of a topic: what both promise is one case, told for each. */
export type Way = 'queue' | 'topic';

/** One end of a way on a bus of its own. */
export interface Channel {
  /** What its deliveries call their source. */
  readonly source: string;
  send(job: Job, options?: SendOptions<EveryNeed>): Promise<void>;
  sendMany(jobs: readonly Job[], options?: ManyOptions<EveryNeed>): Promise<void>;
  consume(handler: Handler<Job>, options?: ConsumeOptions): Promise<Consumer>;
  receive(options?: ConsumeOptions): Promise<Deliveries<Job>>;
  /** Consumes the dead letters into an inbox. */
  letters(): Promise<Inbox<unknown>>;
  /** What is still to come, as far as the broker tells. Where deliveries are leased, those that are out may come again. */
  left(): Promise<number | undefined>;
  close(): Promise<void>;
}

/** Opens one more end of it. */
export type Open = (options?: BusOptions & { readonly driver?: Driver }) => Promise<Channel>;

type Options = DestinationOptions<Job> & { readonly needs?: Needs; readonly part?: string };
const subscription = 'kept';

/** Declares a way; the first end makes the subscription, so that nothing sent afterwards can miss it. */
export function channelOf(context: Context, way: Way, { needs = {}, part = 'way', ...options }: Options = {}): Open {
  const given = { schema: type<Job>(), needs: needs as EveryNeed, retry: atOnce, ...options };
  return way === 'queue' ? queueOf(context, part, given) : topicOf(context, part, given);
}

type Given = DestinationOptions<Job> & { readonly schema: ReturnType<typeof type<Job>>; readonly needs: EveryNeed };

function queueOf(context: Context, part: string, given: Given): Open {
  const destination = queue(context.name(part), { ...given, needs: given.needs });
  return async (options) => {
    const bus = await context.connect({ it: destination }, options);
    return {
      source: destination.name,
      send: (job, sending) => bus.it.send(job, sending),
      sendMany: (jobs, sending) => bus.it.sendMany(jobs, sending),
      consume: (handler, consuming) => bus.it.consume(handler, consuming),
      receive: (consuming) => bus.it.receive(consuming),
      letters: () =>
        lettersOf(context, async (letters) => (await bus.attach(deadLettersOf(destination))).consume(letters)),
      left: async () => leftIn(context, 'queue', await bus.it.depth()),
      close: () => bus.close(),
    };
  };
}

function topicOf(context: Context, part: string, given: Given): Open {
  const destination = topic(context.name(part), { ...given, needs: given.needs });
  let isMade = false;
  return async (options) => {
    const bus = await context.connect({ it: destination }, options);
    if (!isMade) await (await bus.it.subscribe(() => undefined, { subscription })).close();
    isMade = true;
    return {
      source: `${destination.name}/${subscription}`,
      send: (job, sending) => bus.it.publish(job, sending),
      sendMany: (jobs, sending) => bus.it.publishMany(jobs, sending),
      consume: (handler, consuming) => bus.it.subscribe(handler, { ...consuming, subscription }),
      receive: (consuming) => bus.it.receive({ ...consuming, subscription }),
      letters: () =>
        lettersOf(context, async (letters) => (await bus.attach(deadLettersOf(destination))).consume(letters)),
      left: async () => leftIn(context, 'topic', await bus.it.depth({ subscription })),
      close: () => bus.close(),
    };
  };
}

function leftIn(context: Context, way: Way, { ready, inFlight = 0 }: Depth): number | undefined {
  return ready !== undefined && channelIn(context, way)?.style === 'lease' ? ready + inFlight : ready;
}

async function lettersOf(
  context: Context,
  consume: (handler: Handler<unknown>) => Promise<unknown>,
): Promise<Inbox<unknown>> {
  const inbox = context.inbox<unknown>();
  await consume(inbox.handler);
  return inbox;
}

const isDurable = ({ capabilities: { topic } }: Facts): string | undefined =>
  topic !== 'none' && topic.durable === 'none'
    ? 'this broker has no durable subscriptions; N05 proves that it refuses them'
    : undefined;

interface Twice extends Omit<Case, 'group' | 'kind' | 'priority' | 'requires' | 'run' | 'proves'> {
  readonly kind?: Case['kind'];
  readonly priority?: Case['priority'];
  readonly requires?: Omit<Requirements, 'kind' | 'able'> & {
    readonly able?: (facts: Facts, way: Way) => string | undefined;
  };
  /** Of its channel, without its name: `ttl=native`. */
  readonly proves?: readonly string[];
  readonly run: (context: Context, way: Way) => Promise<void>;
}

/** The case for a queue, and the same for a durable subscription. */
export const forBoth = (given: Twice): readonly Case[] => [forWay('queue', given), forWay('topic', given)];

export function forWay(way: Way, { id, title, proves = [], requires = {}, run, ...rest }: Twice): Case {
  const { able, ...needed } = requires;
  return caseOf({ requires: { kind: way } })({
    ...rest,
    id: way === 'queue' ? id : `${id}${id.includes(':') ? '.' : ':'}topic`,
    title: way === 'queue' ? title : `${title} (in a durable subscription)`,
    proves: proves.map((word) => `${way}.${word}`),
    requires: { ...needed, able: (facts) => (way === 'topic' ? isDurable(facts) : undefined) ?? able?.(facts, way) },
    run: (context) => run(context, way),
  });
}

/** The channel of a way, where the broker has one. */
export const channelIn = ({ capabilities }: Pick<Facts, 'capabilities'>, way: Way) => {
  const channel = capabilities[way];
  return channel === 'none' ? undefined : channel;
};

/** Whether a source of this style can be consumed exactly once. */
export const isExact = ({ atomic }: Facts['capabilities'], style: 'message' | 'lease' | 'position'): boolean =>
  atomic === 'position-and-send' && style === 'position';

/** A lane has one owner: what is in it waits for him, and moves with it when a consumer joins. */
export function heldByMessage(facts: Facts, way: Way): string | undefined {
  return channelIn(facts, way)?.style === 'position'
    ? 'this broker hands out lanes, not messages: what a lane holds waits for its owner'
    : undefined;
}
