import { WaybillError } from '@waybill/core/driver';

/** What a destination may say under `nats`. Whoever comes first makes the stream so; afterwards a difference is reported. */
export interface NatsPlaceOptions {
  /** Name of the JetStream stream, for one that exists already. @default `waybill-<kind>-<name>` */
  readonly stream?: string;
  /** Subject of the messages; those of a topic begin with it. @default `waybill.<kind>.<name>` */
  readonly subject?: string;
  /** Servers that keep each message: 1 to 5. @default that of the driver */
  readonly replicas?: number;
  /** `memory`: gone with the server. @default 'file' */
  readonly storage?: 'file' | 'memory';
  /** Further settings of the stream, as JetStream names them, in its units (nanoseconds). */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** What a message may say under `nats`. */
export interface NatsMessageOptions {
  /** More headers, which may repeat and may be JetStream's own (`Nats-TTL`); names without colon, values without line ends. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '' && !/\s/.test(value);
const placeOptions: Readonly<Record<keyof NatsPlaceOptions, (value: unknown) => boolean>> = {
  stream: (value) => isText(value) && !/[.*>/\\]/.test(value as string),
  subject: (value) => isText(value) && !/[*>]/.test(value as string),
  replicas: (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 5,
  storage: (value) => value === 'file' || value === 'memory',
  config: (value) => typeof value === 'object' && value !== null,
};

const isPlaceOption = (name: string): name is keyof NatsPlaceOptions => Object.hasOwn(placeOptions, name);

/** Throws `invalid` for what is no option of a place. */
export function placeOptionsOf(place: { readonly name: string; readonly native?: unknown }): NatsPlaceOptions {
  const given = place.native ?? {};
  for (const [name, value] of Object.entries(given)) {
    if (!isPlaceOption(name))
      throw new WaybillError(
        'invalid',
        `"${place.name}" has an unknown nats option "${name}"; there are ${Object.keys(placeOptions).join(', ')}`,
      );
    if (value !== undefined && !placeOptions[name](value))
      throw new WaybillError(
        'invalid',
        `"${place.name}" has the nats option "${name}" with the value ${JSON.stringify(value)}, which cannot be used`,
      );
  }
  return given;
}
