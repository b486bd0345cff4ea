import { WaybillError } from '@waybill/core/driver';
import { type NatsPlaceOptions, placeOptionsOf } from './native.ts';

/** Names of streams and consumers are file names in the server's store. */
const longest = 255;

/** Where a place is on NATS: the stream that keeps it, and the subject that reaches it. */
export interface Address {
  readonly kind: 'queue' | 'topic' | 'stream';
  /** As the user wrote it. */
  readonly name: string;
  readonly stream: string;
  readonly subject: string;
  /** What waits for its time, below this subject. */
  readonly later: string;
  readonly options: NatsPlaceOptions;
}

interface Named {
  readonly kind: Address['kind'];
  readonly name: string;
  readonly native?: unknown;
}

/** Throws `invalid` for a name that is too long, or options that are none. */
export function addressOf(place: Named): Address {
  const { kind, name } = place;
  const options = placeOptionsOf(place);
  const token = tokenOf(name);
  return {
    kind,
    name,
    stream: checked(kind, name, options.stream ?? `waybill-${kind}-${token}`),
    subject: options.subject ?? `waybill.${kind}.${token}`,
    later: `waybill.later.${kind}.${token}`,
    options,
  };
}

/** What to say when JetStream does not know the stream. */
export const missing = ({ kind, name, stream }: Address): WaybillError =>
  new WaybillError('not-found', `There is no ${kind} "${name}" on NATS (stream "${stream}"); declare it first`);

export const subscriptionName = (subscription: string): string =>
  checked('subscription', subscription, tokenOf(subscription));

/**
 * Another name gives another token, and no token has a meaning to NATS: what is no letter, digit, `-` or `_` becomes its
 * bytes, as `=2E`. Not with `%`, which a server of 2.9 takes for a place to fill in, and then loses every answer.
 */
export const tokenOf = (name: string): string => escaped(name, /[^\w-]/gu);

/** Puts the UTF-8 of each match as `=` and two digits. */
export const escaped = (text: string, letters: RegExp): string =>
  text.replace(letters, (letter) => Buffer.from(letter).toString('hex').toUpperCase().replace(/../g, '=$&'));

/** The way back; what was never escaped stays as it is. */
export const unescaped = (text: string): string =>
  text.replace(/(?:=[0-9A-F]{2})+/g, (bytes) => Buffer.from(bytes.replaceAll('=', ''), 'hex').toString());

function checked(kind: string, name: string, made: string): string {
  if (made.length <= longest) return made;
  throw new WaybillError(
    'invalid',
    `The ${kind} name "${name.slice(0, 60)}" cannot be used on NATS: escaped it has ${made.length} characters, at most ${longest} are possible`,
  );
}
