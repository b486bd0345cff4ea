import type { Adapter } from '@waybill/core/driver';
import { rabbitmq } from './driver.ts';

export { rabbitmq } from './driver.ts';
export type { RabbitDriver } from './driver.ts';
export type { RabbitConnections } from './connection.ts';
export type { RabbitCredentials, RabbitOptions, RabbitTls } from './options.ts';
export type { RabbitMessageOptions, RabbitPlaceOptions } from './native.ts';

/** What `connect` of `@waybill/core` looks for behind `amqp:` and `amqps:`. */
export const adapter: Adapter = { schemes: ['amqp', 'amqps'], fromUrl: (url) => rabbitmq(url) };
