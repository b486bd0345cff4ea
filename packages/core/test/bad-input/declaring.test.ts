import { expect, it } from 'vitest';
import { deadLettersOf, exponential, fixed, linear, queue, stream, topic, type } from '../../src/index.ts';
import { judged } from './judge.ts';

const schema = type<number>();
/** What the types refuse, as JavaScript can write it. */
const loosely = (call: (name: never, options?: never) => unknown, name: unknown, options?: unknown): unknown =>
  call(name as never, options as never);
const withOptions =
  (options: unknown): (() => unknown) =>
  () =>
    loosely(queue, 'orders', options);

it('names', async () => {
  expect(
    await judged({
      'no name': () => loosely(queue, undefined),
      'a number': () => loosely(queue, 5),
      empty: () => queue(''),
      'only spaces': () => topic('  '),
      'a line feed': () => stream('a\nb'),
      'half a surrogate pair': () => queue('a\ud800'),
    }),
  ).toMatchInlineSnapshot(`
    "
    no name
      invalid: queue: the name must be printable text that is not empty, not undefined
    a number
      invalid: queue: the name must be printable text that is not empty, not 5
    empty
      invalid: queue: the name must be printable text that is not empty, not ""
    only spaces
      invalid: topic: the name must be printable text that is not empty, not "  "
    a line feed
      invalid: stream: the name must be printable text that is not empty, not "a\\nb"
    half a surrogate pair
      invalid: queue: the name must be printable text that is not empty, not "a\\ud800"
    "
  `);
});

it('options', async () => {
  expect(
    await judged({
      null: withOptions(null),
      'a number': withOptions(5),
      'a text': withOptions('schema'),
      'an unknown option': withOptions({ schema, retries: { attempts: 3 } }),
      'a need outside needs': withOptions({ schema, order: 'key' }),
      'a schema that is none': withOptions({ schema: {} }),
      'a schema as a function': withOptions({ schema: () => true }),
      'a key that is no function': withOptions({ schema, key: 'customerId' }),
      'a dead letter as a number': withOptions({ schema, deadLetter: 5 }),
      'a codec by name': withOptions({ schema, codec: 'json' }),
      'a codec without decode': withOptions({ schema, codec: { encode() {} } }),
      'native settings as text': withOptions({ schema, native: 'rabbitmq' }),
      'partitions of a queue': withOptions({ schema, partitions: 3 }),
      'retention of a topic': () => loosely(topic, 'news', { schema, retentionMs: 60_000 }),
      'no partitions': () => loosely(stream, 'log', { schema, partitions: 0 }),
      'retention in seconds': () => stream('log', { schema, retentionMs: 60 }),
      'dead letters of what has none': () => deadLettersOf(stream('log', { schema })),
      'dead letters of nothing': () => loosely(deadLettersOf, undefined),
    }),
  ).toMatchInlineSnapshot(`
    "
    null
      invalid: queue "orders": the options must be an object
    a number
      invalid: queue "orders": the options must be an object
    a text
      invalid: queue "orders": the options must be an object
    an unknown option
      invalid: queue "orders": there is no option "retries"; there are: schema, needs, key, retry, deadLetter, codec, native
    a need outside needs
      invalid: queue "orders": there is no option "order"; it belongs into needs: { order: … }
    a schema that is none
      invalid: queue "orders": schema must be a Standard Schema, or type<T>() to only give the type
    a schema as a function
      invalid: queue "orders": schema must be a Standard Schema, or type<T>() to only give the type
    a key that is no function
      invalid: queue "orders": key must be a function, not "customerId"
    a dead letter as a number
      invalid: queue "orders": deadLetter must be true, false or the name of a queue, not 5
    a codec by name
      invalid: queue "orders": codec must be a codec: { contentType, accepts, encode, decode }, not "json"
    a codec without decode
      invalid: queue "orders": codec must be a codec: { contentType, accepts, encode, decode }, not an object
    native settings as text
      invalid: queue "orders": native must be an object by driver name, not "rabbitmq"
    partitions of a queue
      invalid: queue "orders": there is no option "partitions"; there are: schema, needs, key, retry, deadLetter, codec, native
    retention of a topic
      invalid: topic "news": there is no option "retentionMs"; there are: schema, needs, key, retry, deadLetter, codec, native
    no partitions
      invalid: stream "log": partitions must be a whole number above 0, not 0
    retention in seconds
      invalid: stream "log": retentionMs is 60 milliseconds; give at least 1000. Was it meant in seconds? Then write 60000
    dead letters of what has none
      invalid: stream log has no dead letters; declare it with deadLetter: true
    dead letters of nothing
      invalid: deadLettersOf: undefined is no destination; make it with queue(), topic() or stream()
    "
  `);
});

it('needs', async () => {
  expect(
    await judged({
      'a number': withOptions({ schema, needs: 5 }),
      'a text': withOptions({ schema, needs: 'order' }),
      null: withOptions({ schema, needs: null }),
      'a typo': withOptions({ schema, needs: { ordr: 'key' } }),
      'an unknown word': withOptions({ schema, needs: { order: 'strict' } }),
      false: withOptions({ schema, needs: { delay: false } }),
      'order by key without a key': withOptions({ schema, needs: { order: 'key' } }),
      'seek on a queue': withOptions({ schema, needs: { seek: 'ends' } }),
      'a group on a topic': () => loosely(topic, 'news', { schema, needs: { group: true } }),
      'delay on a stream': () => loosely(stream, 'log', { schema, needs: { delay: true } }),
    }),
  ).toMatchInlineSnapshot(`
    "
    a number
      invalid: queue "orders": needs must be an object like { order: "key" }
    a text
      invalid: queue "orders": needs must be an object like { order: "key" }
    null
      invalid: queue "orders": needs must be an object like { order: "key" }
    a typo
      invalid: queue "orders": needs: there is no option "ordr"; did you mean "order"?
    an unknown word
      invalid: queue "orders": needs: order must be "none", "key" or "total", not "strict"
    false
      invalid: queue "orders": needs: delay must be true or "native", not false
    order by key without a key
      invalid: queue "orders": order "key" needs a key: add key: (value) => …
    seek on a queue
      invalid: queue "orders": needs: there is no option "seek"; there are: delivery, order, dedup, delay, ttl, deadLetter, priority
    a group on a topic
      invalid: topic "news": needs: there is no option "group"; there are: delivery, order, dedup, delay, ttl, deadLetter, priority, pattern, filter
    delay on a stream
      invalid: stream "log": needs: there is no option "delay"; there are: delivery, order, dedup, seek, group
    "
  `);
});

it('retries', async () => {
  expect(
    await judged({
      'a number': withOptions({ schema, retry: 5 }),
      'an unknown option': withOptions({ schema, retry: { attempt: 5 } }),
      'no attempts': withOptions({ schema, retry: { attempts: 0 } }),
      'half an attempt': withOptions({ schema, retry: { attempts: 2.5 } }),
      'a backoff that is no function': withOptions({ schema, retry: { backoff: 1000 } }),
      'exponential without a first': () => loosely(exponential, {}),
      'exponential with a typo': () => loosely(exponential, { firstMs: 200, maxMS: 1000 }),
      'exponential of a text': () => loosely(exponential, { firstMs: '1s' }),
      'exponential that shrinks': () => exponential({ firstMs: 1000, factor: 0.5 }),
      'linear without a first': () => loosely(linear, {}),
      'fixed below 0': () => fixed(-1),
      'fixed of nothing': () => loosely(fixed, undefined),
      'fixed of a century': () => fixed(3.2e12),
    }),
  ).toMatchInlineSnapshot(`
    "
    a number
      invalid: queue "orders": retry must be an object like { attempts: 5, backoff: exponential({ firstMs: 200 }) }, not 5
    an unknown option
      invalid: queue "orders": retry: there is no option "attempt"; did you mean "attempts"?
    no attempts
      invalid: queue "orders": retry: attempts must be a whole number above 0, not 0
    half an attempt
      invalid: queue "orders": retry: attempts must be a whole number above 0, not 2.5
    a backoff that is no function
      invalid: queue "orders": retry: backoff must be a function from attempt to milliseconds, like exponential({ firstMs: 200 }), not 1000
    exponential without a first
      invalid: exponential: firstMs must be a number of milliseconds, 0 or more, not NaN
    exponential with a typo
      invalid: exponential: there is no option "maxMS"; did you mean "maxMs"?
    exponential of a text
      invalid: exponential: firstMs must be a number of milliseconds, 0 or more, not "1s"
    exponential that shrinks
      invalid: exponential: factor must be a number, 1 or more, not 0.5
    linear without a first
      invalid: linear: firstMs must be a number of milliseconds, 0 or more, not NaN
    fixed below 0
      invalid: fixed: ms must be a number of milliseconds, 0 or more, not -1
    fixed of nothing
      invalid: fixed: ms must be a number of milliseconds, 0 or more, not NaN
    fixed of a century
      invalid: fixed: ms is 3200000000000 milliseconds, which is above a year; give less
    "
  `);
});
