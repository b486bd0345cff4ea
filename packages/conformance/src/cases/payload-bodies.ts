import { createHash } from 'node:crypto';
import { bytes, type Codec, deadLettersOf, json, type } from '@waybill/core';
import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import type { Job } from '../inbox.ts';
import { caseOf } from './define.ts';
import { jobQueue } from './destinations.ts';
import { hostileText, tripsOf } from './payload-trip.ts';

const define = caseOf({ requires: {} });
const schema = type<Uint8Array>();

/** P03 to P06, P12 to P14: a body arrives byte for byte, whatever it is. */
export const payloadBodies: readonly Case[] = [
  define({
    id: 'P03',
    title: 'all 256 byte values, and bytes that are no text, arrive as they were sent',
    run: everyByte,
  }),
  define({ id: 'P04', title: 'an empty body without headers arrives empty, not as null', run: empty }),
  define({
    id: 'P05',
    title:
      'bodies of every size around the powers of two arrive whole, and one above the limit is refused before it is sent',
    timeoutMs: 60_000,
    run: sizes,
  }),
  define({
    id: 'P06',
    title: 'every shape of JSON arrives deeply equal, and what has no JSON form is refused',
    run: shapes,
  }),
  define({
    id: 'P12',
    title: 'what the caller does to a value, its headers or its batch after the call changes nothing',
    run: mutated,
  }),
  define({ id: 'P13', title: '1,000 received bodies that are kept do not change', timeoutMs: 60_000, run: kept }),
  define({
    id: 'P14',
    title: 'a codec that throws on receive costs its own message only, which goes to the dead letters',
    requires: { kind: 'queue' },
    run: throwingCodec,
  }),
];

const hex = (body: Uint8Array): string => Buffer.from(body).toString('hex');

async function everyByte(context: Context): Promise<void> {
  const bodies = [
    Uint8Array.from({ length: 256 }, (_, index) => index),
    Uint8Array.from({ length: 256 }, (_, index) => 255 - index),
    Uint8Array.of(0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80, 0xf8),
    Uint8Array.of(0),
    Uint8Array.of(0xef, 0xbb, 0xbf, 0x7b, 0x7d),
  ];
  for (const { kind, send, gets } of await tripsOf(context, { schema, codec: bytes })) {
    for (const body of bodies) await send(body);
    const got = await gets(bodies.length);
    context.expect.sameMembers(
      got.map(({ value }) => hex(value)),
      bodies.map(hex),
      `${kind}: the bodies`,
    );
    for (const { contentType } of got)
      context.expect.equal(contentType, 'application/octet-stream', `${kind}: the content type`);
  }
}

async function empty(context: Context): Promise<void> {
  for (const { kind, send, gets } of await tripsOf(context, { schema, codec: bytes })) {
    await send(new Uint8Array(0));
    const [received] = await gets(1);
    context.expect.ok(
      received!.value instanceof Uint8Array,
      `${kind}: the body is bytes, not ${String(received!.value)}`,
    );
    context.expect.equal(received!.value.byteLength, 0, `${kind}: its length`);
    context.expect.deepEqual(received!.headers, {}, `${kind}: the headers`);
  }
}

async function sizes(context: Context): Promise<void> {
  for (const { kind, send, gets } of await tripsOf(context, { schema, codec: bytes })) {
    const channel = context.capabilities[kind];
    const most = channel === 'none' ? 0 : channel.limits.maxBytes;
    const wanted = [1, 255, 256, 65_535, 65_536, 65_537, 131_064, 131_072, 262_144, 1_048_576].filter(
      (size) => size <= most,
    );
    const bodies = wanted.map((size, index) => Uint8Array.from({ length: size }, (_, at) => (at * 31 + index) & 255));
    const before = context.traffic.sent;
    await context.expect.rejects(
      () => send(new Uint8Array(most + 1)),
      'too-large',
      `${kind}: one byte above the limit`,
    );
    context.expect.equal(context.traffic.sent - before, 0, `${kind}: messages above the limit that went to the driver`);
    for (const body of bodies) await send(body);
    const got = await gets(bodies.length);
    context.expect.sameMembers(
      got.map(({ value }) => sum(value)),
      bodies.map(sum),
      `${kind}: sizes and checksums`,
    );
  }
}
const sum = (body: Uint8Array): string => `${body.byteLength} ${createHash('sha256').update(body).digest('hex')}`;

const values: readonly unknown[] = [
  0,
  -1.5,
  1e308,
  5e-324,
  2 ** 53 - 1,
  true,
  false,
  '',
  'text',
  [],
  {},
  [[[]]],
  [null, 1, 'a', { b: [] }],
  { nested: { deep: { deeper: [{ still: null }] } } },
  { '': 'empty key', 'a.b': 1, ключ: 'значение', '👍': '👎' },
  hostileText,
  Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`key ${index}`, index])),
];

async function shapes(context: Context): Promise<void> {
  for (const { kind, send, got, gets } of await tripsOf(context, { schema: type<unknown>() })) {
    for (const [index, value] of values.entries()) await send(value, { id: `shape-${index}` });
    const before = context.traffic.sent;
    for (const bad of [undefined, 1n, () => 1, Symbol.iterator, circular()])
      await context.expect.rejects(() => send(bad), 'invalid', `${kind}: a ${typeof bad}, which has no JSON form`);
    context.expect.equal(context.traffic.sent - before, 0, `${kind}: messages without a form that went to the driver`);
    await gets(values.length);
    for (const [index, value] of values.entries()) {
      const received = got.find(({ id }) => id === `shape-${index}`);
      context.expect.deepEqual(received?.value, value, `${kind}: shape ${index}`);
      context.expect.equal(received?.contentType, 'application/json', `${kind}: the content type of shape ${index}`);
    }
  }
}
function circular(): unknown {
  const self: Record<string, unknown> = {};
  self['self'] = self;
  return self;
}

/** One unconfirmed message at a time: all but the first wait while they are changed. */
async function mutated(context: Context): Promise<void> {
  const bus = { window: 1 };
  for (const { kind, send, sendMany, gets } of await tripsOf(context, {
    schema: type<{ id: string; inner: string[] }>(),
    bus,
  })) {
    const objects = Array.from({ length: 20 }, (_, index) => ({ id: `object ${index}`, inner: ['original'] }));
    const headers: Record<string, string> = { 'x-header': 'original' };
    const batch = objects.slice(10);
    const sent = [...objects.slice(0, 10).map((value) => send(value, { headers })), sendMany(batch, { headers })];
    headers['x-header'] = 'changed';
    headers['x-more'] = 'added';
    for (const value of objects) value.inner[0] = 'changed';
    batch.length = 0;
    await Promise.all(sent);
    for (const { value, headers: came } of await gets(20)) {
      context.expect.deepEqual(value.inner, ['original'], `${kind}: the body of ${value.id}`);
      context.expect.deepEqual(came, { 'x-header': 'original' }, `${kind}: the headers of ${value.id}`);
    }
  }
  for (const { kind, send, gets } of await tripsOf(context, { schema, codec: bytes, part: 'bytes', bus })) {
    const bodies = Array.from({ length: 10 }, (_, index) => Uint8Array.from({ length: 64 }, () => index));
    const wanted = bodies.map(hex);
    const sent = bodies.map((body) => send(body));
    for (const body of bodies) body.fill(255);
    await Promise.all(sent);
    context.expect.sameMembers(
      (await gets(10)).map(({ value }) => hex(value)),
      wanted,
      `${kind}: the bytes`,
    );
  }
}

async function kept(context: Context): Promise<void> {
  const trips = await tripsOf(context, { schema, codec: bytes });
  for (const { kind, sendMany, gets } of trips) {
    const bodies = Array.from({ length: 1000 }, (_, index) =>
      Uint8Array.from({ length: 100 + (index % 900) }, (__, at) => (at * 7 + index * 13) & 255),
    );
    const wanted = bodies.map(sum);
    await sendMany(bodies);
    const got = await gets(1000);
    // More traffic, which would use the same memory again if the driver did.
    await sendMany(Array.from({ length: 200 }, () => new Uint8Array(500).fill(170)));
    await gets(1200);
    context.expect.sameMembers(
      got.slice(0, 1000).map(({ value }) => sum(value)),
      wanted,
      `${kind}: bodies that were kept`,
    );
  }
}

async function throwingCodec(context: Context): Promise<void> {
  const codec: Codec = {
    ...json,
    decode(body) {
      const value = json.decode(body) as Job;
      if (value.n % 2 === 1) throw new RangeError(`no decoding of ${value.id}`);
      return value;
    },
  };
  const destination = jobQueue(context, 'jobs', { codec });
  const bus = await context.connect({ jobs: destination, letters: deadLettersOf(destination) });
  const [inbox, letters] = [context.inbox(), context.inbox<unknown>({ idOf: () => 'letter' })];
  const jobs = context.jobs(20);
  await bus.letters.consume(letters.handler);
  const consumer = await bus.jobs.consume(inbox.handler);
  for (const job of jobs) await bus.jobs.send(job, { id: job.id });
  await inbox.complete(
    jobs.filter(({ n }) => n % 2 === 0),
    'what decodes',
  );
  await letters.atLeast(10);
  context.expect.sameMembers(
    letters.taken.map(({ id }) => id ?? ''),
    jobs.filter(({ n }) => n % 2 === 1).map(({ id }) => id),
    'the dead letters',
  );
  for (const { delivery } of letters.taken)
    context.expect.equal(delivery.deadLetter?.reason, 'undecodable', 'the reason');
  context.expect.equal(consumer.state, 'live', 'the consumer');
}
