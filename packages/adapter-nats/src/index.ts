import type { Adapter } from '@waybill/core/driver';
import { nats } from './driver.ts';

export { nats } from './driver.ts';
export type { NatsDriver } from './driver.ts';
export type { NatsCredentials } from './credentials.ts';
export type { NatsOptions, NatsTls } from './options.ts';
export type { NatsMessageOptions, NatsPlaceOptions } from './native.ts';

/** What `connect` of `@waybill/core` looks for behind `nats:` and `nats+tls:`. */
export const adapter: Adapter = { schemes: ['nats', 'nats+tls'], fromUrl: (url) => nats(url) };
