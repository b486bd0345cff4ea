import { WaybillError } from '@waybill/core/driver';

/** What a destination may say under `redis-streams`. */
export interface RedisPlaceOptions {
  /** Queues and streams: a key that exists already, or that others write to, instead of ours. */
  readonly key?: string;
  /** The field of an entry that is the body, for messages of others; ASCII. @default 'body' */
  readonly bodyField?: string;
  /** Streams: keep about so many entries (`MAXLEN ~`), whoever has read them. @default no bound */
  readonly maxLength?: number;
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';
const placeOptions: Readonly<Record<keyof RedisPlaceOptions, (value: unknown) => boolean>> = {
  key: isText,
  bodyField: (value) => typeof value === 'string' && /^[ -~]+$/.test(value),
  maxLength: (value) => Number.isSafeInteger(value) && Number(value) > 0,
};

const isPlaceOption = (name: string): name is keyof RedisPlaceOptions => Object.hasOwn(placeOptions, name);

/** Throws `invalid` for what is no option of a place. */
export function placeOptionsOf(place: { readonly name: string; readonly native?: unknown }): RedisPlaceOptions {
  const given = place.native ?? {};
  for (const [name, value] of Object.entries(given)) {
    if (!isPlaceOption(name))
      throw new WaybillError(
        'invalid',
        `"${place.name}" has an unknown redis-streams option "${name}"; there are ${Object.keys(placeOptions).join(', ')}`,
      );
    if (value !== undefined && !placeOptions[name](value))
      throw new WaybillError(
        'invalid',
        `"${place.name}" has the redis-streams option "${name}" with the value ${JSON.stringify(value)}, which is none of its values`,
      );
  }
  return given;
}
