import { randomUUID } from 'node:crypto';
import type { Channel } from 'amqplib';
import type { Declaration, Mismatch } from '@waybill/core/driver';
import { type Blueprint, blueprintOf } from './blueprint.ts';
import { classify } from './errors.ts';

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
