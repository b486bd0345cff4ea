import type { Channel } from 'amqplib';
import { type Declaration, type Place, type QueueDeclaration, WaybillError } from '@waybill/core/driver';
import { bindSubscription } from './binding.ts';
import { versionNumber } from './capabilities.ts';
import { checkedName, subscriptionName } from './names.ts';
import { placeOptionsOf } from './native.ts';

type Arguments = Record<string, unknown>;

/** What a declaration is on RabbitMQ: objects, and how they hang together. */
export interface Blueprint {
  readonly kind: 'queue' | 'exchange';
  readonly name: string;
  /** Exchanges. */
  readonly type: string;
  readonly arguments: Arguments;
  /** Right however it is, if only it exists. */
  readonly isEnough?: boolean;
  readonly bind?: (channel: Channel) => Promise<unknown>;
}

/** Throws `invalid` or `unsupported` for what no server of this version makes. */
export function blueprintOf(declaration: Declaration, version: string): Blueprint {
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
      return { kind: 'queue', name, type: '', arguments: quorumArguments(declaration, version), bind };
    }
  }
}

function queueArguments(declaration: QueueDeclaration, queueType: 'quorum' | 'classic', version: string): Arguments {
  const { name, order, deadLetter, retry } = declaration;
  if (queueType === 'quorum')
    return { ...quorumArguments(declaration, version), ...retryArguments(declaration, version) };
  if (retry !== undefined) {
    const text = `"${name}" is a classic queue, which has no delayed retry; leave out queueType, or choose another backoff`;
    throw new WaybillError('unsupported', text);
  }
  return { 'x-queue-type': 'classic', ...singleActive(order), ...net(deadLetter) };
}

const singleActive = (order: Place['order']): Arguments =>
  order === 'none' ? {} : { 'x-single-active-consumer': true };

const net = (deadLetter: string | undefined): Arguments =>
  deadLetter === undefined
    ? {}
    : {
        'x-dead-letter-exchange': '',
        'x-dead-letter-routing-key': checkedName('dead-letter queue', deadLetter),
      };

/** Dead letters leave with a confirm, which wants that a full queue refuses instead of dropping its oldest. */
const safeNet: Arguments = { 'x-dead-letter-strategy': 'at-least-once', 'x-overflow': 'reject-publish' };

/** Core counts attempts. Since 4.0 the broker would drop a message after 20 failures; `-1` forbids it, and means zero before. */
const quorumArguments = (
  { order, deadLetter }: { readonly order: Place['order']; readonly deadLetter?: string },
  version: string,
): Arguments => ({
  'x-queue-type': 'quorum',
  ...(versionNumber(version) >= 4000 && { 'x-delivery-limit': -1 }),
  ...singleActive(order),
  ...net(deadLetter),
  ...(deadLetter !== undefined && safeNet),
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
