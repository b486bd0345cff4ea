import { WaybillError } from '@waybill/core/driver';

/** What a destination may say under `rabbitmq`. */
export interface RabbitPlaceOptions {
  /** Queues. `classic`: one node keeps it, no attempts are counted, no delayed retry. @default 'quorum' */
  readonly queueType?: 'quorum' | 'classic';
  /** Topics: the type of the exchange. @default 'topic' */
  readonly exchange?: 'topic' | 'fanout' | 'direct' | 'headers';
  /** Further arguments of the declaration, as RabbitMQ names them; `undefined` takes one of ours away. */
  readonly arguments?: Readonly<Record<string, unknown>>;
}

/** What a message may say under `rabbitmq`. Headers keep their AMQP types: numbers, booleans, tables, `{ '!': type, value }`. */
export interface RabbitMessageOptions {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly type?: string;
  readonly appId?: string;
  readonly contentEncoding?: string;
}

const placeOptions: Readonly<Record<keyof RabbitPlaceOptions, (value: unknown) => boolean>> = {
  queueType: (value) => value === 'quorum' || value === 'classic',
  exchange: (value) => ['topic', 'fanout', 'direct', 'headers'].includes(value as string),
  arguments: (value) => typeof value === 'object' && value !== null,
};

const isPlaceOption = (name: string): name is keyof RabbitPlaceOptions => Object.hasOwn(placeOptions, name);

/** Throws `invalid` for what is no option of a place. */
export function placeOptionsOf(place: { readonly name: string; readonly native?: unknown }): RabbitPlaceOptions {
  const given = place.native ?? {};
  for (const [name, value] of Object.entries(given)) {
    if (!isPlaceOption(name))
      throw new WaybillError(
        'invalid',
        `"${place.name}" has an unknown rabbitmq option "${name}"; there are ${Object.keys(placeOptions).join(', ')}`,
      );
    if (value !== undefined && !placeOptions[name](value))
      throw new WaybillError(
        'invalid',
        `"${place.name}" has the rabbitmq option "${name}" with the value ${JSON.stringify(value)}, which is none of its values`,
      );
  }
  return given;
}
