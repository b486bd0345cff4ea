import type { Driver } from '@waybill/core';
import {
  allSent,
  type Incoming,
  type Link,
  type Outgoing,
  type Sent,
  type Source,
  type Target,
} from '@waybill/core/driver';
import { wrapLink } from './wrap-link.ts';
import { type ReceiverParts, type SettlingReceiver, wrapReceiver, wrapSettling } from './wrap-receiver.ts';

/** Each message is changed on its way out. */
export const sending =
  (change: (message: Outgoing) => Outgoing) =>
  (driver: Driver): Driver =>
    wrapLink(driver, { send: (link, target, batch) => link.send(target, batch.map(change)) });

/** Each message is changed on its way in. */
export const receiving = (change: (message: Incoming) => Partial<Incoming>): ((driver: Driver) => Driver) =>
  receivers(() => ({
    pull: async (lane, limit, signal) =>
      (await lane.pull(limit, signal)).map((message) => altered(message, change(message))),
  }));

/** Each receiver has other parts. */
export const receivers =
  (partsOf: (source: Source) => ReceiverParts) =>
  (driver: Driver): Driver =>
    wrapLink(driver, {
      receive: async (link, source, options) => wrapReceiver(await link.receive(source, options), partsOf(source)),
    });

/** Each receiver that settles has other parts; those of streams are left alone. */
export const settlers =
  (partsOf: (receiver: SettlingReceiver, source: Source) => ReceiverParts) =>
  (driver: Driver): Driver =>
    wrapLink(driver, {
      async receive(link, source, options) {
        const receiver = await link.receive(source, options);
        return receiver.style === 'position' ? receiver : wrapSettling(receiver, partsOf(receiver, source));
      },
    });

/** The same message, saying otherwise in some of its fields. Its getters need the original as their `this`. */
const altered = <M extends Incoming>(message: M, changes: Partial<Incoming>): M =>
  new Proxy(message, {
    get: (original, name): unknown =>
      Object.hasOwn(changes, name) ? Reflect.get(changes, name) : Reflect.get(original, name),
  });

/** Sends some of a batch and answers for the rest that it was stored. */
export async function sendOnly(
  link: Link,
  target: Target,
  batch: readonly Outgoing[],
  isSent: (message: Outgoing) => boolean,
): Promise<Sent> {
  const indexes = batch.flatMap((message, index) => (isSent(message) ? [index] : []));
  if (indexes.length === 0) return allSent;
  const { unsent } = await link.send(
    target,
    indexes.map((index) => batch[index]!),
  );
  return { unsent: unsent.map((one) => ({ ...one, index: indexes[one.index]! })) };
}

/** True for every `nth` call. */
export function everyNth(nth: number): () => boolean {
  let calls = 0;
  return () => ++calls % nth === 0;
}
