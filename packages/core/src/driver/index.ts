/** The door for adapter authors: the contract a driver fulfils, and the helpers most drivers need. */
export { realClock, type Clock, type Timer } from '../clock.ts';
export { WaybillError, type ErrorCode } from '../error/error.ts';
export type * from './capabilities.ts';
export type * from './link.ts';
export type * from './message.ts';
export type * from './place.ts';
export type * from './receiver.ts';
export type * from './topology.ts';
export { abandonable } from './abandon.ts';
export { checkOptions, decodedUrlPart, type OptionChecks } from './options.ts';
export { networkCode, noConnection, type Sought } from './network.ts';
export { PushBuffer } from './push-buffer.ts';
export * from './records.ts';
