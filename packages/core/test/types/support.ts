import type { Capabilities, Driver, Limits } from '../../src/driver/index.ts';

type IsAny<T> = 0 extends 1 & T ? true : false;
/** `true` only where each can stand for the other, and neither is `any` alone: `void (true satisfies Same<A, B>)`. */
export type Same<Left, Right> = [IsAny<Left>, Left] extends [IsAny<Right>, Right]
  ? [IsAny<Right>, Right] extends [IsAny<Left>, Left]
    ? true
    : false
  : false;

interface Weak {
  readonly style: 'lease';
  readonly delivery: 'at-least-once';
  readonly order: 'key';
  readonly partial: 'each';
  readonly release: 'immediate';
  readonly attempts: 'deliveries';
  readonly deadLetter: 'plain';
  readonly delay: 'none';
  readonly ttl: 'none';
  readonly priority: 'none';
  readonly dedup: 'none';
  readonly excludes: readonly [];
  readonly limits: Limits;
}
interface WeakTopic extends Weak {
  readonly durable: 'subscription';
  readonly pattern: 'none';
  readonly filter: 'none';
}
interface WeakStream extends Weak {
  readonly seek: 'position';
  readonly group: 'none';
  readonly tombstone: 'none';
}
interface Modest extends Capabilities {
  readonly queue: Weak;
  readonly topic: WeakTopic;
  readonly stream: 'none';
}
interface WithStreams extends Capabilities {
  readonly queue: 'none';
  readonly topic: 'none';
  readonly stream: WeakStream;
}

/** A broker with little of its own, and no streams. */
export type ModestDriver = Driver<Modest> & { readonly name: 'modest' };
/** A broker with nothing but streams. */
export type LogDriver = Driver<WithStreams> & { readonly name: 'log' };
export declare const modest: ModestDriver;
export declare const log: LogDriver;
