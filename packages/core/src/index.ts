/** Queues, topics and streams with declared guarantees, on any broker. */
export { connect } from './bus/connect.ts';
export type { Bus, BusControls, Destinations } from './bus/bus.ts';
export type * from './bus/handles.ts';
export type { BusOptions } from './bus/options.ts';
export { type Broker, driverFor, type Routed, type Where } from './bus/where.ts';
export { bytes, type Codec, json, text } from './codec/codec.ts';
export type { Clock, Timer } from './clock.ts';
export {
  type Destination,
  type DestinationOptions,
  type Kind,
  type Queue,
  queue,
  type Stream,
  stream,
  type StreamOptions,
  type Topic,
  topic,
} from './destination/destination.ts';
export { deadLettersOf } from './destination/dead-letters.ts';
export type { Needs, QueueNeeds, StreamNeeds, TopicNeeds, Wanted } from './destination/needs.ts';
export { type Schema, type SchemaIssue, type SchemaResult, type } from './destination/schema.ts';
export type { Driver } from './driver/link.ts';
export type { From, Start } from './driver/place.ts';
export type { Depth } from './driver/topology.ts';
export { type Backoff, exponential, type ExponentialOptions, fixed, linear } from './emulate/backoff.ts';
export type { RetryPolicy } from './emulate/retry.ts';
export { Reject, RetryLater } from './error/thrown.ts';
export { type ErrorCode, errorCodes, type SendFailure, WaybillError } from './error/error.ts';
export { type Middleware, type Passed, skip } from './middleware/middleware.ts';
export type { BusEvent, Handled, LinkState } from './observe/events.ts';
export { describeEvent } from './observe/describe.ts';
export { describePlan, type Met, type Plan, type PlanRow } from './plan/plan.ts';
export type { DeadLetterCause, Delivery, Received, Settled, StreamRecord } from './receive/delivery.ts';
export type { Resend } from './send/terms.ts';
