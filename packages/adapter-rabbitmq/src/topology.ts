import { randomUUID } from 'node:crypto';
import type { Channel } from 'amqplib';
import {
  type Declaration,
  type Filter,
  type Mismatch,
  type QueueDeclaration,
  type Source,
  WaybillError,
} from '@waybill/core/driver';
import { classify } from './errors.ts';
import { checkedName, isOrdered, subscriptionName } from './names.ts';
import { placeOptionsOf } from './native.ts';
import { versionNumber } from './capabilities.ts';

type Arguments = Record<string, unknown>;

/** What a declaration is on RabbitMQ: objects, and how they hang together. */
interface Blueprint {
  readonly kind: 'queue' | 'exchange';
  readonly name: string;
  /** Exchanges. */
  readonly type: string;
  readonly arguments: Arguments;
  /** Right however it is, if only it exists. */
  readonly isEnough?: boolean;
  readonly bind?: (channel: Channel) => Promise<unknown>;
}

type Difference = Omit<Mismatch, 'declaration'>;

/** Makes or checks everything, on channels of its own: what differs closes the channel, and only that. */
export async function declareAll(
  openChannel: () => Promise<Channel>,
  version: string,
  declarations: readonly Declaration[],
  mode: 'create' | 'verify',
): Promise<readonly Mismatch[]> {
  const found: Mismatch[] = [];
  let lastMade: string | undefined;
  for (const declaration of declarations) {
    const blueprint = blueprintOf(declaration, version);
    const isThere = await exists(openChannel, blueprint);
    const difference = await (mode === 'create' ? create : verify)(openChannel, blueprint, isThere);
    if (difference !== undefined) found.push({ declaration, ...difference });
    if (mode === 'create' && !isThere && blueprint.arguments['x-queue-type'] === 'quorum') lastMade = blueprint.name;
  }
  if (lastMade !== undefined) await secure(openChannel, lastMade);
  return found;
}

async function create(
  openChannel: () => Promise<Channel>,
  blueprint: Blueprint,
  isThere: boolean,
): Promise<Difference | undefined> {
  if (blueprint.isEnough && isThere) return undefined;
  return differenceOf(
    onChannel(openChannel, async (channel) => {
      await assert(channel, blueprint);
      await blueprint.bind?.(channel);
    }),
  );
}

/**
 * A node that is killed within about a second after it made a quorum queue forgets the queue's messages, confirmed ones
 * too, because it has not written down which log is the queue's. It does so when another one is made. Without the right
 * to make one more queue the gap stays open.
 */
async function secure(openChannel: () => Promise<Channel>, name: string): Promise<void> {
  const another = `${name.slice(0, 50)}.${randomUUID()}`;
  try {
    await onChannel(openChannel, async (channel) => {
      await channel.assertQueue(another, { arguments: { 'x-queue-type': 'quorum', 'x-expires': 60_000 } });
      await channel.deleteQueue(another);
    });
  } catch (error) {
    if (classify(error) !== 'denied') throw error;
  }
}

/** Only what exists is declared again, which compares it and makes nothing. Without the right to declare, being there is enough. */
async function verify(
  openChannel: () => Promise<Channel>,
  blueprint: Blueprint,
  isThere: boolean,
): Promise<Difference | undefined> {
  if (!isThere) return { property: 'existence', wanted: `${blueprint.kind} ${blueprint.name}`, found: 'nothing' };
  if (blueprint.isEnough) return undefined;
  try {
    return await differenceOf(onChannel(openChannel, (channel) => assert(channel, blueprint)));
  } catch (error) {
    if (classify(error) === 'denied') return undefined;
    throw error;
  }
}

async function exists(openChannel: () => Promise<Channel>, { kind, name }: Blueprint): Promise<boolean> {
  try {
    await onChannel(openChannel, (channel) =>
      kind === 'queue' ? channel.checkQueue(name) : channel.checkExchange(name),
    );
    return true;
  } catch (error) {
    if (classify(error) === 'not-found') return false;
    throw error;
  }
}

const assert = (channel: Channel, { kind, name, type, arguments: args }: Blueprint): Promise<unknown> =>
  kind === 'queue'
    ? channel.assertQueue(name, { durable: true, arguments: args })
    : channel.assertExchange(name, type, { durable: true, arguments: args });

export async function onChannel<T>(
  openChannel: () => Promise<Channel>,
  work: (channel: Channel) => Promise<T>,
): Promise<T> {
  const channel = await openChannel();
  let isOpen = true;
  // The call that closed the channel rejects with the same error.
  channel.on('error', () => undefined);
  channel.on('close', () => (isOpen = false));
  try {
    return await work(channel);
  } finally {
    if (isOpen) await channel.close().catch(() => undefined);
  }
}

/** `inequivalent arg 'x' for queue 'q' in vhost '/': received the value '1' of type 'byte' but current is none`. */
const inequivalent = /inequivalent arg '([^']+)' for \w+ '.*' in vhost '.*': received (.*) but current is (.*?)"?$/;

async function differenceOf(work: Promise<unknown>): Promise<Difference | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    const [, property, wanted, found] = (error instanceof Error && inequivalent.exec(error.message)) || [];
    if (property === undefined || wanted === undefined || found === undefined) throw error;
    return { property, wanted: plain(wanted), found: plain(found) };
  }
}

const plain = (text: string): string => /^(?:the value )?'(.*?)'(?: of type '\w+')?$/.exec(text)?.[1] ?? text;

function blueprintOf(declaration: Declaration, version: string): Blueprint {
  const native = placeOptionsOf(declaration);
  const merged = (args: Arguments): Arguments => ({ ...args, ...native.arguments });
  switch (declaration.kind) {
    case 'queue':
      return {
        kind: 'queue',
        name: checkedName('queue', declaration.name),
        type: '',
        arguments: merged(queueArguments(declaration, native.queueType ?? 'quorum', version)),
        isEnough: declaration.ifMissing === true,
      };
    case 'topic':
      return {
        kind: 'exchange',
        name: checkedName('topic', declaration.name),
        type: native.exchange ?? 'topic',
        arguments: merged({}),
      };
    case 'stream':
      if (declaration.partitions !== undefined && declaration.partitions > 1)
        throw new WaybillError(
          'unsupported',
          `The stream "${declaration.name}" wants ${declaration.partitions} partitions; a RabbitMQ stream queue has one`,
        );
      return {
        kind: 'queue',
        name: checkedName('stream', declaration.name),
        type: '',
        arguments: merged({ 'x-queue-type': 'stream', ...retention(declaration.retentionMs) }),
      };
    case 'subscription': {
      const name = subscriptionName(declaration.topic, declaration.name);
      const topic = checkedName('topic', declaration.topic);
      const bind = (channel: Channel): Promise<unknown> =>
        bindSubscription(channel, {
          queue: name,
          topic,
          exchange: native.exchange ?? 'topic',
          filter: declaration.filter,
          between: name,
        });
      // The options are the topic's: its type of exchange matters here, its arguments do not.
      return { kind: 'queue', name, type: '', arguments: quorumArguments(isOrdered(declaration), version), bind };
    }
  }
}

function queueArguments(declaration: QueueDeclaration, queueType: 'quorum' | 'classic', version: string): Arguments {
  const ordered = isOrdered(declaration);
  const net =
    declaration.deadLetter === undefined
      ? {}
      : {
          'x-dead-letter-exchange': '',
          'x-dead-letter-routing-key': checkedName('dead-letter queue', declaration.deadLetter),
        };
  if (queueType === 'quorum')
    return {
      ...quorumArguments(ordered, version),
      ...net,
      ...(declaration.deadLetter !== undefined && safeNet),
      ...retryArguments(declaration, version),
    };
  if (declaration.retry !== undefined)
    throw new WaybillError(
      'unsupported',
      `"${declaration.name}" is a classic queue, which has no delayed retry; leave out queueType, or choose another backoff`,
    );
  return { 'x-queue-type': 'classic', ...singleActive(ordered), ...net };
}

/** Dead letters leave with a confirm, which wants that a full queue refuses instead of dropping its oldest. */
const safeNet: Arguments = { 'x-dead-letter-strategy': 'at-least-once', 'x-overflow': 'reject-publish' };
const singleActive = (ordered: boolean): Arguments => (ordered ? { 'x-single-active-consumer': true } : {});

/** Core counts attempts. Since 4.0 the broker would drop a message after 20 deliveries; `-1` forbids it, and before 4.0 means zero. */
const quorumArguments = (ordered: boolean, version: string): Arguments => ({
  'x-queue-type': 'quorum',
  ...(versionNumber(version) >= 4000 && { 'x-delivery-limit': -1 }),
  ...singleActive(ordered),
});

/** The server takes nonsense here without a word, so it is checked. Only `failed`: what was not tried comes back at once. */
function retryArguments({ name, retry }: QueueDeclaration, version: string): Arguments {
  if (retry === undefined) return {};
  if (versionNumber(version) < 4003)
    throw new WaybillError(
      'unsupported',
      `"${name}" wants delayed retry of the broker, which RabbitMQ has from 4.3 on; this is ${version}`,
    );
  const { firstMs, maxMs } = retry;
  const isPossible =
    Number.isInteger(firstMs) && Number.isInteger(maxMs) && firstMs >= 1 && maxMs >= firstMs && maxMs < 2 ** 31;
  if (!isPossible)
    throw new WaybillError(
      'invalid',
      `"${name}" wants retries after ${firstMs} to ${maxMs} ms; RabbitMQ needs whole milliseconds from 1 to 2147483647, the first not above the last`,
    );
  return { 'x-delayed-retry-type': 'failed', 'x-delayed-retry-min': firstMs, 'x-delayed-retry-max': maxMs };
}

/** RabbitMQ drops whole segments, so records live at least this long; its unit is seconds. */
const retention = (retentionMs: number | undefined): Arguments =>
  retentionMs === undefined ? {} : { 'x-max-age': `${Math.max(1, Math.ceil(retentionMs / 1000))}s` };

export interface Binding {
  readonly queue: string;
  readonly topic: string;
  readonly exchange: string;
  readonly filter: Filter | undefined;
  /** Name for the headers exchange between the two, which only a filter by headers needs. */
  readonly between: string;
}

/** A pattern is a binding; headers are a headers exchange of the subscription between topic and queue, so that both hold. */
export async function bindSubscription(
  channel: Channel,
  { queue, topic, exchange, filter, between }: Binding,
  isEphemeral = false,
): Promise<void> {
  const pattern = filter?.pattern;
  const headers = filter?.headers;
  if (pattern !== undefined && !understands(exchange, pattern))
    throw new WaybillError(
      'unsupported',
      `The topic "${topic}" is a ${exchange} exchange, which cannot match the pattern "${pattern}"`,
    );
  const key = pattern ?? '#';
  if (headers === undefined) return void (await channel.bindQueue(queue, topic, key));
  if (exchange === 'headers') return void (await channel.bindQueue(queue, topic, '', matchAll(headers)));
  await channel.assertExchange(between, 'headers', { durable: !isEphemeral, autoDelete: isEphemeral });
  await channel.bindQueue(queue, between, '', matchAll(headers));
  await channel.bindExchange(between, topic, key);
}

/** Fanout and headers exchanges look at no routing key, direct exchanges at the whole of it. */
const understands = (exchange: string, pattern: string): boolean =>
  exchange === 'topic' || (exchange === 'direct' ? !/(^|\.)[*#](\.|$)/.test(pattern) : pattern === '#');

/** Plain `all` would overlook names that begin with `x-`. */
const matchAll = (headers: Readonly<Record<string, string>>): Arguments => ({
  ...headers,
  'x-match': Object.keys(headers).some((name) => name.startsWith('x-')) ? 'all-with-x' : 'all',
});

/** The queue behind a source, where it is a lasting one. */
export function queueOf(source: Source): string {
  if (source.kind === 'topic' && source.subscription !== undefined)
    return subscriptionName(source.name, source.subscription);
  if (source.kind === 'queue' || source.kind === 'stream') return checkedName(source.kind, source.name);
  throw new WaybillError('unsupported', 'A subscription without a name has no lasting queue on RabbitMQ');
}
