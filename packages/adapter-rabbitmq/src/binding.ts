import type { Channel } from 'amqplib';
import { type Filter, WaybillError } from '@waybill/core/driver';

export interface Binding {
  readonly queue: string;
  readonly topic: string;
  readonly exchange: string;
  readonly filter: Filter | undefined;
  /** Name for the headers exchange between the two, which only a filter by headers needs. */
  readonly between: string;
}

/**
 * A pattern is a binding; headers are a headers exchange of the subscription between topic and queue, so that both hold.
 * Resolves with the way back.
 */
export async function bindSubscription(
  channel: Channel,
  { queue, topic, exchange, filter, between }: Binding,
  isEphemeral = false,
): Promise<() => Promise<unknown>> {
  const { pattern, headers } = filter ?? {};
  if (pattern !== undefined && !understands(exchange, pattern))
    throw new WaybillError(
      'unsupported',
      `The topic "${topic}" is a ${exchange} exchange, which cannot match the pattern "${pattern}"`,
    );
  const key = pattern ?? '#';
  if (headers === undefined || exchange === 'headers') {
    const matching = headers && matchAll(headers);
    await channel.bindQueue(queue, topic, key, matching);
    return () => channel.unbindQueue(queue, topic, key, matching);
  }
  await channel.assertExchange(between, 'headers', { durable: !isEphemeral, autoDelete: isEphemeral });
  await channel.bindQueue(queue, between, '', matchAll(headers));
  await channel.bindExchange(between, topic, key);
  return () => channel.deleteExchange(between);
}

/** Fanout and headers exchanges look at no routing key, direct exchanges at the whole of it. */
const understands = (exchange: string, pattern: string): boolean =>
  exchange === 'topic' || (exchange === 'direct' ? !/(^|\.)[*#](\.|$)/.test(pattern) : pattern === '#');

/** Plain `all` would overlook names that begin with `x-`. */
const matchAll = (headers: Readonly<Record<string, string>>): Record<string, string> => ({
  ...headers,
  'x-match': Object.keys(headers).some((name) => name.startsWith('x-')) ? 'all-with-x' : 'all',
});
