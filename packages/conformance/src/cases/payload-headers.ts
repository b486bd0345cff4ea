import { type } from '@waybill/core';
import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import type { Job } from '../inbox.ts';
import { caseOf } from './define.ts';
import { hostileText, tripsOf } from './payload-trip.ts';

const define = caseOf({ requires: {} });
const schema = type<Job>();

/** P01, P02, P07 to P11, P17, P18: headers and properties arrive as they were, or are refused before anything is sent. */
export const payloadHeaders: readonly Case[] = [
  define({
    id: 'P01',
    title: 'hostile text as the value of a header, and every printable character in its name, arrives as it was sent',
    run: hostile,
  }),
  define({
    id: 'P02',
    title: 'text that is not well-formed, in a header or a key, is refused before it is sent',
    run: malformed,
  }),
  define({
    id: 'P07',
    title: 'header values that are no strings are refused, never made into strings',
    run: (context) =>
      refusedEach(
        context,
        [1, 0n, true, new Date(0), Buffer.from('x'), ['a', 'b'], { a: 'b' }, Symbol.iterator, () => 'x'].map(
          (value) => ['x-value', value],
        ),
      ),
  }),
  define({
    id: 'P08',
    title:
      'headers pass up to what they may be, and what is above is refused or arrives whole, and costs no other message',
    timeoutMs: 60_000,
    run: atLimits,
  }),
  define({ id: 'P09', title: 'names of headers keep their case', priority: 1, run: keepsCase }),
  define({
    id: 'P10',
    title: "names under the prefix of Waybill's own are refused, in any case",
    run: (context) =>
      refusedEach(context, [
        ['waybill-x', 'a'],
        ['Waybill-Attempts', '1'],
        ['WAYBILL-TO', 'a'],
      ]),
  }),
  define({
    id: 'P11',
    title: 'id, key, correlation id, reply address, content type and time arrive as they were sent',
    run: properties,
  }),
  define({
    id: 'P17',
    title: 'null, undefined, empty and repeated headers are refused, always in the same way',
    run: (context) =>
      refusedEach(context, [
        ['x-null', null],
        ['x-undefined', undefined],
        ['x-empty', ''],
        ['x-many', ['a', 'a']],
        ['', 'no name'],
      ]),
  }),
  define({
    id: 'P18',
    title: 'names of the prototype are plain data in bodies and headers, and the one that clients lose is refused',
    run: prototypes,
  }),
];

async function hostile(context: Context): Promise<void> {
  const trips = await tripsOf(context, { schema });
  const printable = Array.from({ length: 0x7e - 0x21 + 1 }, (_, index) => String.fromCharCode(0x21 + index));
  const sets = [
    Object.fromEntries(hostileText.map((text, index) => [`x-${index}`, text])),
    Object.fromEntries(printable.map((character, index) => [`x${character}y`, `value ${index}`])),
    Object.fromEntries(printable.map((character) => [character, character])),
  ];
  const jobs = context.jobs(sets.length);
  for (const trip of trips) {
    for (const [index, headers] of sets.entries()) await trip.send(jobs[index]!, { headers });
    for (const { headers, value } of await trip.gets(sets.length))
      for (const [name, text] of Object.entries(sets[value.n - 1]!))
        context.expect.equal(headers[name], text, `${trip.kind}: header ${JSON.stringify(name)}`);
    for (const { headers, value } of trip.got)
      context.expect.equal(
        Object.keys(headers).length,
        Object.keys(sets[value.n - 1]!).length,
        `${trip.kind}: how many headers came`,
      );
  }
}

async function malformed(context: Context): Promise<void> {
  await refusedEach(context, [
    ['x-lone', 'a\ud800b'],
    ['x-lone', '\udc00'],
    ['x-nul', 'a\0b'],
    ['nam\u00e9', 'a'],
    ['a name', 'a'],
    ['x\n', 'a'],
  ]);
  const [trip] = await tripsOf(context, { schema, part: 'key' });
  const [job] = context.jobs(1);
  for (const bad of [{ key: '\ud800' }, { correlationId: '\ud800' }, { id: '\ud800' }, { replyTo: '\udfff' }])
    await context.expect.rejects(() => trip!.send(job!, bad), 'invalid', `sending with ${JSON.stringify(bad)}`);
}

/** Each refused on every kind, nothing of it sent, and the next message goes through alone. */
async function refusedEach(context: Context, headers: readonly (readonly [string, unknown])[]): Promise<void> {
  const trips = await tripsOf(context, { schema });
  const [job, marker] = context.jobs(2);
  for (const { kind, send } of trips) {
    for (const [name, value] of headers) {
      const given = { headers: { [name]: value } as Readonly<Record<string, string>> };
      const error = await context.expect.rejects(
        () => send(job!, given),
        'invalid',
        `${kind}: header ${JSON.stringify(name)} of ${typeof value}`,
      );
      context.expect.equal(error.outcome, 'rejected', `${kind}: the outcome`);
      context.expect.ok(
        error.message.includes(JSON.stringify(name)),
        `${kind}: the header is named in: ${error.message}`,
      );
    }
  }
  context.expect.equal(context.traffic.sent, 0, 'messages that went to the driver');
  for (const { send, gets } of trips) {
    await send(marker!);
    await gets(1);
  }
}

async function atLimits(context: Context): Promise<void> {
  const trips = await tripsOf(context, { schema });
  const [name] = ['n'.repeat(128)];
  const [wide, many, big, marker] = context.jobs(4);
  const manyHeaders = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`x-${index}`, `value ${index}`]));
  for (const { kind, send, got, gets } of trips) {
    await send(wide!, { headers: { [name]: 'a' } });
    await send(many!, { headers: manyHeaders });
    await context.expect.rejects(
      () => send(big!, { headers: { [`${name}n`]: 'a' } }),
      'invalid',
      `${kind}: a name of 129 characters`,
    );
    const huge = 'h'.repeat(300_000);
    const outcome = await send(big!, { headers: { 'x-huge': huge } }).then(
      () => 'sent',
      (error: { readonly code?: string }) => error.code ?? 'an error without a code',
    );
    context.evidence(`${kind}: a header of 300,000 bytes`, outcome);
    context.expect.ok(
      ['sent', 'too-large', 'invalid'].includes(outcome),
      `${kind}: a header of 300,000 bytes is sent or refused as too large, not ${outcome}`,
    );
    await send(marker!);
    await gets(outcome === 'sent' ? 4 : 3);
    const headersOf = (n: number): unknown => got.find(({ value }) => value.n === n)?.headers;
    context.expect.deepEqual(headersOf(1), { [name]: 'a' }, `${kind}: a name of 128 characters`);
    context.expect.deepEqual(headersOf(2), manyHeaders, `${kind}: 100 headers`);
    if (outcome === 'sent')
      context.expect.deepEqual(headersOf(3), { 'x-huge': huge }, `${kind}: the header of 300,000 bytes`);
  }
}

async function keepsCase(context: Context): Promise<void> {
  const headers = { 'X-Case': 'upper', 'x-case': 'lower', contentType: 'camel' };
  const [job] = context.jobs(1);
  for (const { kind, send, gets } of await tripsOf(context, { schema })) {
    await send(job!, { headers });
    const [received] = await gets(1);
    context.expect.deepEqual(sorted(received!.headers), sorted(headers), `${kind}: the headers`);
  }
}
const sorted = (headers: object): unknown => Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1));

async function properties(context: Context): Promise<void> {
  const [job, keyed, bare] = context.jobs(3);
  for (const { kind, send, got, gets } of await tripsOf(context, { schema, key: ({ n }) => `key ${n} ü` })) {
    const before = Date.now();
    const id = `${job!.id}~!id`;
    await send(job!, { id, correlationId: 'order 7, ü', replyTo: 'reply/to#1' });
    await send(keyed!, { key: 'another key' });
    await send(bare!);
    const after = Date.now();
    await gets(3);
    const of = (n: number) => got.find(({ value }) => value.n === n)!;
    context.expect.equal(of(1).id, id, `${kind}: the id`);
    context.expect.equal(of(1).key, 'key 1 ü', `${kind}: the key that the destination made`);
    context.expect.equal(of(2).key, 'another key', `${kind}: the key that was given`);
    context.expect.equal(of(1).correlationId, 'order 7, ü', `${kind}: the correlation id`);
    context.expect.equal(of(1).replyTo, 'reply/to#1', `${kind}: the reply address`);
    context.expect.equal(of(1).contentType, 'application/json', `${kind}: the content type`);
    context.expect.between(of(1).sentAt ?? 0, before, after, `${kind}: the time of sending`);
    context.expect.equal(of(3).correlationId, undefined, `${kind}: a correlation id that nobody gave`);
    context.expect.ok(of(3).id !== undefined && of(3).id !== of(2).id, `${kind}: who gives no id gets one of its own`);
    context.expect.deepEqual(of(3).headers, {}, `${kind}: headers that nobody gave`);
  }
}

async function prototypes(context: Context): Promise<void> {
  const text = '{"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}},"id":"x","n":1}';
  const headers: Record<string, string> = { constructor: 'own too', toString: 'mine' };
  const lost = JSON.parse('{"__proto__":"own"}') as Record<string, string>;
  for (const { kind, send, gets } of await tripsOf(context, { schema })) {
    // Clients lose this one name when they decode it, so it is refused everywhere alike.
    await context.expect.rejects(
      () => send(JSON.parse(text) as Job, { headers: lost }),
      'invalid',
      `${kind}: header __proto__`,
    );
    await send(JSON.parse(text) as Job, { headers });
    const [received] = await gets(1);
    context.expect.equal(JSON.stringify(received!.value), text, `${kind}: the body`);
    context.expect.ok(Object.hasOwn(received!.value, '__proto__'), `${kind}: __proto__ is the body's own`);
    for (const name of Object.keys(headers)) {
      const own = Object.getOwnPropertyDescriptor(received!.headers, name)?.value as unknown;
      context.expect.equal(
        own,
        Object.getOwnPropertyDescriptor(headers, name)!.value as unknown,
        `${kind}: header ${name}`,
      );
    }
    context.expect.equal(({} as { readonly polluted?: string }).polluted, undefined, `${kind}: every other object`);
  }
}
