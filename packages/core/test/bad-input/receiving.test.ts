import { expect, it } from 'vitest';
import { bytes, type Delivery, fixed, queue, text, type } from '../../src/index.ts';
import { bench, foreign, gate, rawLink } from '../support.ts';

const positive = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value: unknown) =>
      typeof value === 'number' ? { value } : { issues: [{ message: 'expected a number' }] },
  },
} as const;
const retry = { attempts: 2, backoff: fixed(1000) };
const jobs = queue('jobs', { schema: positive, retry });
const words = queue('words', { schema: type<string>(), codec: text, retry });
const raw = queue('raw', { schema: type<Uint8Array>(), codec: bytes, retry });
const place = (name: string) => ({ kind: 'queue', name, order: 'none' }) as const;

it('messages that do not decode die unrun, with the reason, and cost neither messages nor the consumer', async () => {
  const { bus, broker, clock } = await bench({ jobs });
  const link = await rawLink(broker);
  const seen: unknown[] = [];
  await bus.jobs.consume((value) => void seen.push(value), { concurrency: 1 });
  await link.send(place('jobs'), [
    foreign('{ not JSON', { id: 'no JSON' }),
    foreign('', { id: 'empty' }),
    foreign(new Uint8Array([0x22, 0xff, 0x22]), { id: 'no UTF-8' }),
    foreign('"text"', { id: 'another schema' }),
    foreign(null, { id: 'a tombstone' }),
    foreign('<a/>', { id: 'XML', contentType: 'application/xml' }),
    foreign('1', { id: 'fine' }),
  ]);
  await clock.advance(0);
  expect(seen).toEqual([1]);
  const letters = broker
    .messages('jobs.dead')
    .map(({ id, headers }) => `${id}: ${headers['waybill-dead-reason']}: ${headers['waybill-dead-error']}`);
  expect(`\n${letters.join('\n')}\n`).toMatchInlineSnapshot(`
    "
    no JSON: undecodable: WaybillError: the bytes are not application/json: SyntaxError: Expected property name or '}' in JSON at position 2 (line 1 column 3)
    empty: undecodable: WaybillError: the bytes are not application/json: SyntaxError: Unexpected end of JSON input
    no UTF-8: undecodable: WaybillError: the bytes are not application/json: TypeError: The encoded data was not valid for encoding utf-8
    another schema: undecodable: WaybillError: the message does not match the schema: expected a number
    a tombstone: undecodable: WaybillError: the message does not match the schema: expected a number
    XML: undecodable: WaybillError: the message is application/xml, and this destination expects application/json
    "
  `);
  expect(await bus.jobs.depth()).toMatchObject({ ready: 0, inFlight: 0, delayed: 0 });
  await link.close();
});

it('messages of others are taken as they are: nothing is guessed', async () => {
  const { bus, broker, clock } = await bench({ jobs, words, raw });
  const link = await rawLink(broker);
  const seen: Delivery[] = [];
  await bus.jobs.consume((_, delivery) => void seen.push(delivery));
  await bus.words.consume((_, delivery) => void seen.push(delivery));
  await bus.raw.consume((_, delivery) => void seen.push(delivery));
  const without = { contentType: undefined as never, sentAt: undefined as never };
  await link.send(place('jobs'), [
    foreign('1', without),
    foreign('2', { contentType: 'application/vnd.shop+json' }),
    foreign('3', { contentType: 'Application/JSON; charset=utf-8' }),
  ]);
  await link.send(place('words'), [foreign('héllo ✓ 𝒳', { contentType: 'text/plain' })]);
  await link.send(place('raw'), [
    foreign(new Uint8Array([0, 255]), { contentType: 'image/png', headers: { 'x-own': 'a', 'waybill-unknown': 'b' } }),
  ]);
  await clock.advance(0);
  expect(seen.map(({ value }) => (value instanceof Uint8Array ? [...value] : value))).toEqual([
    1,
    2,
    3,
    'héllo ✓ 𝒳',
    [0, 255],
  ]);
  expect(seen[0]).toMatchObject({ attempt: 1, redelivered: false, deadLetter: undefined, headers: {} });
  expect(seen[4]).toMatchObject({ contentType: 'image/png', headers: { 'x-own': 'a' } });
  await link.close();
});

it('foreign headers under our prefix do no harm', async () => {
  const { bus, broker, clock } = await bench(
    { jobs },
    { less: { queue: { delay: 'none', release: 'immediate', ttl: 'none' } } },
  );
  const link = await rawLink(broker);
  const seen: unknown[] = [];
  await bus.jobs.consume((value) => void seen.push(value));
  const odd = ['attempts', 'due', 'to', 'expires', 'hop', 'redriven', 'dead-at', 'dead-attempts', 'dead-reason'];
  await link.send(
    place('jobs'),
    odd.map((name, index) => foreign(String(index), { headers: { [`waybill-${name}`]: 'nonsense' } })),
  );
  await link.send(place('jobs.delay.250'), [foreign('100'), foreign('101', { headers: { 'waybill-due': 'soon' } })]);
  await clock.advance(5000);
  expect(seen.map(Number).toSorted((a, b) => a - b)).toEqual([...odd.keys(), 100, 101]);
  await link.close();
});

it('a dead letter keeps bytes and headers as they were', async () => {
  const { bus, broker, clock } = await bench({ jobs });
  const link = await rawLink(broker);
  await bus.jobs.consume(() => {});
  await link.send(place('jobs'), [
    foreign(new Uint8Array([0xff, 0x00, 0xfe]), { id: 'odd', headers: { own: 'value' }, key: 'k', correlationId: 'c' }),
  ]);
  await clock.advance(0);
  const [letter] = broker.messages('jobs.dead');
  expect([...(letter?.body ?? [])]).toEqual([0xff, 0x00, 0xfe]);
  expect(letter).toMatchObject({ id: 'odd', key: 'k', headers: { own: 'value' } });
  await link.close();
});

it('a handler that never settles, or settles twice, stops nobody else', async () => {
  const { bus, clock, during } = await bench({ jobs });
  const never = gate();
  const seen: number[] = [];
  const consumer = await bus.jobs.consume(
    async (value, delivery) => {
      if (value === 1) return never.promise;
      await delivery.accept();
      seen.push(value);
      await delivery.accept();
    },
    { concurrency: 2, drainMs: 100 },
  );
  await bus.jobs.sendMany([1, 2, 3, 4]);
  await clock.advance(60_000);
  expect(seen).toEqual([2, 3, 4]);
  await during(consumer.close());
  expect(await bus.jobs.depth()).toMatchObject({ ready: 1 });
});

it('a handler that accepts and then throws has accepted', async () => {
  const { bus, clock, broker } = await bench({ jobs });
  let runs = 0;
  await bus.jobs.consume(async (_, delivery) => {
    runs++;
    await delivery.accept();
    throw new Error('too late');
  });
  await bus.jobs.send(1);
  await clock.advance(10_000);
  expect(runs).toBe(1);
  expect(broker.settled('jobs').map(({ outcome }) => outcome)).toEqual(['accept']);
});

it('a schema that throws, and one that answers later, are treated alike', async () => {
  const throwing = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value: unknown) => {
        if (value === 1) throw new Error('broken');
        return { value };
      },
    },
  } as const;
  const slow = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value: unknown) => Promise.resolve(value === 1 ? { issues: [{ message: 'not 1' }] } : { value }),
    },
  } as const;
  const { bus, broker, clock } = await bench({
    a: queue('a', { schema: throwing, retry }),
    b: queue('b', { schema: slow, retry }),
  });
  const link = await rawLink(broker);
  const seen: unknown[] = [];
  await bus.a.consume((value) => void seen.push(['a', value]));
  await bus.b.consume((value) => void seen.push(['b', value]));
  for (const name of ['a', 'b']) await link.send(place(name), [foreign('1'), foreign('2')]);
  await clock.advance(10_000);
  expect(seen).toEqual([
    ['a', 2],
    ['b', 2],
  ]);
  expect([broker.messages('a.dead').length, broker.messages('b.dead').length]).toEqual([1, 1]);
  await link.close();
});
