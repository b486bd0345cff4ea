import { expect, it } from 'vitest';
import { bytes, queue, stream, text, topic, type } from '../../src/index.ts';
import { bench } from '../support.ts';
import { judged } from './judge.ts';

const positive = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value: unknown) =>
      typeof value === 'object' && value !== null && 'total' in value && typeof value.total === 'number'
        ? { value: value as { readonly total: number } }
        : {
            issues: [
              { message: 'expected a number', path: ['total'] },
              { message: 'no customer', path: [{ key: 'customer' }, 'id'] },
            ],
          },
  },
} as const;
const orders = queue('orders', { schema: positive });
const jobs = queue('jobs', { schema: type<unknown>() });
const keyed = queue('keyed', {
  schema: type<{ readonly id?: unknown }>(),
  needs: { order: 'key' },
  key: ({ id }) => id as string,
});
const raw = queue('raw', { schema: type<Uint8Array>(), codec: bytes });
const words = queue('words', { schema: type<string>(), codec: text });
const news = topic('news', { schema: type<unknown>() });
const log = stream('log', { schema: type<unknown>() });
const later = queue('later', { schema: type<unknown>(), needs: { delay: true, ttl: true, priority: true } });
const all = { orders, jobs, keyed, raw, words, news, log, later };

it('values', async () => {
  const { bus, broker } = await bench(all, { broker: { limits: { maxBytes: 1000 } } });
  const circle: Record<string, unknown> = {};
  circle['itself'] = circle;
  const said = await judged({
    'not as the schema says': () => bus.orders.send({}),
    'null past the schema': () => bus.orders.send(null),
    'one of many not as the schema says': () => bus.orders.sendMany([{ total: 1 }, {}]),
    undefined: () => bus.jobs.send(undefined),
    'a function': () => bus.jobs.send(() => {}),
    'a bigint': () => bus.jobs.send(5n),
    'a circle': () => bus.jobs.send(circle),
    'too large': () => bus.jobs.send('x'.repeat(2000)),
    'too large with its headers': () => bus.jobs.send('x'.repeat(500), { headers: { trace: 'y'.repeat(600) } }),
    'no bytes for the bytes codec': () => bus.raw.send('text' as never),
    'half a surrogate pair as text': () => bus.words.send('\ud800'),
    'a key that is a number': () => bus.keyed.send({ id: 5 }),
    'a key that is missing': () => bus.keyed.send({}),
    'a key that is half a surrogate pair': () => bus.keyed.send({ id: '\udc00' }),
    'a key() that throws': () => bus.keyed.send(null as never),
    'many that are no list': () => bus.jobs.sendMany('abc' as never),
  });
  expect(said).toMatchInlineSnapshot(`
    "
    not as the schema says
      invalid: queue orders: the message does not match the schema: total: expected a number; customer.id: no customer
    null past the schema
      invalid: queue orders: the message does not match the schema: total: expected a number; customer.id: no customer
    one of many not as the schema says
      invalid: queue orders: the message does not match the schema: total: expected a number; customer.id: no customer
    undefined
      invalid: queue jobs: the message cannot be encoded as application/json: TypeError: undefined has no JSON form
    a function
      invalid: queue jobs: the message cannot be encoded as application/json: TypeError: function has no JSON form
    a bigint
      invalid: queue jobs: the message cannot be encoded as application/json: TypeError: Do not know how to serialize a BigInt
    a circle
      invalid: queue jobs: the message cannot be encoded as application/json: TypeError: Converting circular structure to JSON
          --> starting at object with constructor 'Object'
          --- property 'itself' closes the circle
    too large
      too-large: queue jobs: the message has 2002 bytes with its headers, and memory carries at most 1000; send a reference to it instead
    too large with its headers
      too-large: queue jobs: the message has 1107 bytes with its headers, and memory carries at most 1000; send a reference to it instead
    no bytes for the bytes codec
      invalid: queue raw: the message cannot be encoded as application/octet-stream: TypeError: the bytes codec takes a Uint8Array
    half a surrogate pair as text
      invalid: queue words: the message cannot be encoded as text/plain; charset=utf-8: TypeError: the text codec takes a well-formed string
    a key that is a number
      invalid: queue keyed: key() must return well-formed text, not 5
    a key that is missing
      invalid: queue keyed: key() must return well-formed text, not undefined
    a key that is half a surrogate pair
      invalid: queue keyed: key() must return well-formed text, not "\\udc00"
    a key() that throws
      invalid: queue keyed: key() threw: TypeError: Cannot destructure property 'id' of 'object null' as it is null.
    many that are no list
      invalid: jobs: many messages must be given as an array
    "
  `);
  for (const name of ['orders', 'jobs', 'keyed', 'raw', 'words']) expect(broker.messages(name)).toEqual([]);
});

it('options', async () => {
  const { bus, broker } = await bench(all);
  const withOptions =
    (options: unknown): (() => unknown) =>
    () =>
      bus.jobs.send(1, options as never);
  const laterWith =
    (options: object): (() => unknown) =>
    () =>
      bus.later.send(1, options);
  const said = await judged({
    null: withOptions(null),
    'a text': withOptions('fast'),
    'an unknown option': withOptions({ header: { a: 'b' } }),
    'a delay in other words': withOptions({ delay: 5 }),
    'a delay that was not asked for': withOptions({ delayMs: 1000 }),
    'a time to live that was not asked for': withOptions({ ttlMs: 1000 }),
    'a priority that was not asked for': withOptions({ priority: 5 }),
    'a delay below 0': laterWith({ delayMs: -1 }),
    'a delay as text': laterWith({ delayMs: '5s' as never }),
    'a delay of a century': laterWith({ delayMs: 3.2e12 }),
    'no time to live': laterWith({ ttlMs: 0 }),
    'a priority above 9': laterWith({ priority: 10 }),
    'an id with a space': withOptions({ id: 'a b' }),
    'an id that is a number': withOptions({ id: 5 }),
    'one id for many': () => bus.jobs.sendMany([1, 2], { id: 'one' } as never),
    'a signal that is none': withOptions({ signal: 'now' }),
    'a controller for its signal': withOptions({ signal: new AbortController() }),
    'a routing key on a queue': withOptions({ routingKey: 'a.b' }),
    'a routing key of 300 letters': () => bus.news.publish(1, { routingKey: 'x'.repeat(300) }),
    'a correlation id that is empty': withOptions({ correlationId: '' }),
    'a delay on a stream': () => bus.log.append(1, { delayMs: 5 } as never),
  });
  expect(said).toMatchInlineSnapshot(`
    "
    null
      invalid: queue jobs: the options must be an object, not null
    a text
      invalid: queue jobs: the options must be an object, not "fast"
    an unknown option
      invalid: queue jobs: there is no option "header"; did you mean "headers"?
    a delay in other words
      invalid: queue jobs: there is no option "delay"; did you mean "delayMs"?
    a delay that was not asked for
      invalid: queue jobs: delayMs needs the destination's word first: add needs: { delay: true }
    a time to live that was not asked for
      invalid: queue jobs: ttlMs needs the destination's word first: add needs: { ttl: true }
    a priority that was not asked for
      invalid: queue jobs: priority needs the destination's word first: add needs: { priority: true }
    a delay below 0
      invalid: queue later: delayMs must be a number of milliseconds, 0 or more, not -1
    a delay as text
      invalid: queue later: delayMs must be a number of milliseconds, 0 or more, not "5s"
    a delay of a century
      invalid: queue later: delayMs is 3200000000000 milliseconds, which is above a year; give less
    no time to live
      invalid: queue later: ttlMs must be above 0; a message that may not live cannot be sent, not 0
    a priority above 9
      invalid: queue later: priority must be a whole number from 0 (lowest) to 9, not 10
    an id with a space
      invalid: queue jobs: id must be 1 to 128 printable ASCII characters without spaces, not "a b"
    an id that is a number
      invalid: queue jobs: id must be 1 to 128 printable ASCII characters without spaces, not 5
    one id for many
      invalid: jobs: one id for many messages would make them one; leave it out, or send them singly
    a signal that is none
      invalid: jobs: signal must be an AbortSignal
    a controller for its signal
      invalid: jobs: signal must be an AbortSignal
    a routing key on a queue
      invalid: queue jobs: there is no option "routingKey"; there are: id, headers, correlationId, replyTo, signal, native, key, delayMs, ttlMs, priority
    a routing key of 300 letters
      invalid: topic news: routingKey must be well-formed text of at most 255 bytes, words split by ".", not "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    a correlation id that is empty
      invalid: queue jobs: correlationId must be a correlation id: a string that is not empty, not ""
    a delay on a stream
      invalid: stream log: there is no option "delayMs"; there are: id, headers, correlationId, replyTo, signal, native, key
    "
  `);
  expect(broker.messages('jobs')).toEqual([]);
});

it('headers', async () => {
  const { bus, broker } = await bench(all);
  const withHeaders =
    (headers: unknown): (() => unknown) =>
    () =>
      bus.jobs.send(1, { headers } as never);
  const said = await judged({
    'a text': withHeaders('a=b'),
    'a list': withHeaders(['a']),
    'a map': withHeaders(new Map([['a', 'b']])),
    'a number': withHeaders({ retries: 5 }),
    'a truth': withHeaders({ urgent: true }),
    null: withHeaders({ tenant: null }),
    empty: withHeaders({ tenant: '' }),
    'a name with a space': withHeaders({ 'my tenant': 'a' }),
    'a name that is not ASCII': withHeaders({ größe: 'a' }),
    'a name of Waybill': withHeaders({ 'Waybill-attempts': '0' }),
    'a value with NUL': withHeaders({ tenant: 'a\0b' }),
    'half a surrogate pair': withHeaders({ tenant: '\ud800' }),
  });
  expect(said).toMatchInlineSnapshot(`
    "
    a text
      invalid: queue jobs: headers must be an object of strings, like { tenant: 'a' }, not "a=b"
    a list
      invalid: queue jobs: headers must be an object of strings, like { tenant: 'a' }, not an array
    a map
      invalid: queue jobs: headers must be an object of strings, like { tenant: 'a' }, not an object
    a number
      invalid: queue jobs: header "retries" must be a string, not number; say how it is written, for example String(value)
    a truth
      invalid: queue jobs: header "urgent" must be a string, not boolean; say how it is written, for example String(value)
    null
      invalid: queue jobs: header "tenant" must be a string, not null; say how it is written, for example String(value)
    empty
      invalid: queue jobs: header "tenant" is empty, which not every broker can carry; leave it out
    a name with a space
      invalid: queue jobs: header "my tenant" must have a name of 1 to 128 printable ASCII characters without spaces
    a name that is not ASCII
      invalid: queue jobs: header "größe" must have a name of 1 to 128 printable ASCII characters without spaces
    a name of Waybill
      invalid: queue jobs: header "Waybill-attempts" is Waybill's own; choose a name that does not begin with "waybill-"
    a value with NUL
      invalid: queue jobs: header "tenant" must be well-formed text without NUL
    half a surrogate pair
      invalid: queue jobs: header "tenant" must be well-formed text without NUL
    "
  `);
  expect(broker.messages('jobs')).toEqual([]);
});
