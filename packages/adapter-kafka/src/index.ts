import type { Adapter } from '@waybill/core/driver';
import { kafka } from './driver.ts';

export { kafka } from './driver.ts';
export type { KafkaDriver, KafkaShareDriver } from './driver.ts';
export type { Compression, KafkaCredentials, KafkaOptions, KafkaTls } from './options.ts';
export type { KafkaConnections } from './wire.ts';
export type { KafkaMessageOptions, KafkaPlaceOptions } from './native.ts';

/** What `connect` of `@waybill/core` looks for behind `kafka:` and `kafka+tls:`. */
export const adapter: Adapter = { schemes: ['kafka', 'kafka+tls'], fromUrl: (url) => kafka(url) };
