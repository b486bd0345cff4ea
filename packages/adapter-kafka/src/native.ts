import { WaybillError } from '@waybill/core/driver';

/** What a destination may say under `kafka`. */
export interface KafkaPlaceOptions {
  /** The topic of Kafka. @default the destination's name; of a queue `queue.<name>` */
  readonly topic?: string;
  /** Of the topic, when it is made; compared when it exists. */
  readonly partitions?: number;
  readonly replicationFactor?: number;
  /** Settings of the topic as Kafka names them: `{ 'cleanup.policy': 'compact', 'min.insync.replicas': '2' }`. */
  readonly config?: Readonly<Record<string, string>>;
  /** Queues: the group that its consumers share. @default `waybill/<name>` */
  readonly group?: string;
}

/** What a message may say under `kafka`. */
export interface KafkaMessageOptions {
  /** Instead of the one that its key gives. */
  readonly partition?: number;
  /** Bytes, and several values of one name, which strings cannot say. */
  readonly headers?: readonly (readonly [name: string, value: Uint8Array])[];
}

const isCount = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 1;
const placeOptions: Readonly<Record<keyof KafkaPlaceOptions, (value: unknown) => boolean>> = {
  topic: (value) => typeof value === 'string' && /^[\w.-]{1,249}$/.test(value),
  partitions: isCount,
  replicationFactor: isCount,
  config: (value) =>
    typeof value === 'object' && value !== null && Object.values(value).every((one) => typeof one === 'string'),
  group: (value) => typeof value === 'string' && value !== '',
};

const isPlaceOption = (name: string): name is keyof KafkaPlaceOptions => Object.hasOwn(placeOptions, name);

/** Throws `invalid` for what is no option of a place. */
export function placeOptionsOf(place: { readonly name: string; readonly native?: unknown }): KafkaPlaceOptions {
  const given = place.native ?? {};
  for (const [name, value] of Object.entries(given)) {
    if (!isPlaceOption(name))
      throw new WaybillError(
        'invalid',
        `"${place.name}" has an unknown kafka option "${name}"; there are ${Object.keys(placeOptions).join(', ')}`,
      );
    if (value !== undefined && !placeOptions[name](value))
      throw new WaybillError(
        'invalid',
        `"${place.name}" has the kafka option "${name}" with the value ${JSON.stringify(value)}, which is none of its values`,
      );
  }
  return given;
}
