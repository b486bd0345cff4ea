import type { Outgoing } from '@waybill/core/driver';
import { describe, expect, test } from 'vitest';
import { isSame, publishOptions, QueueMessage, type Route, textOfValue } from '../src/records.ts';

const toQueue: Route = { exchange: '', mandatory: true, persistent: true, routingKey: 'orders' };
const toTopic: Route = { exchange: 'events', mandatory: false, persistent: true, routingKey: undefined };
const outgoing = (over: Partial<Outgoing> = {}): Outgoing => ({
  id: 'm1',
  sendId: 's1',
  body: Buffer.from('{}'),
  contentType: 'application/json',
  sentAt: 1_700_000_000_123,
  headers: {},
  ...over,
});

describe('what is published', () => {
  test('the common message has properties and one small header', () => {
    const { headers, ...properties } = publishOptions(outgoing(), toQueue);
    expect(JSON.parse(JSON.stringify(properties))).toEqual({
      persistent: true,
      mandatory: true,
      messageId: 'm1',
      contentType: 'application/json',
      timestamp: 1_700_000_000,
    });
    expect(headers).toEqual({ 'waybill-ms': 123 });
  });

  test('two messages of the same millisecond share the table of headers, and nobody can change it', () => {
    const one = publishOptions(outgoing(), toQueue).headers as object;
    expect(publishOptions(outgoing({ id: 'm2', sentAt: 1_800_000_000_123 }), toQueue).headers).toBe(one);
    expect(Object.isFrozen(one)).toBe(true);
  });

  test('a routing key is AMQP’s on the way to a topic, and a header on the way to a queue', () => {
    expect(publishOptions(outgoing({ routingKey: 'a.b' }), toTopic).headers).toEqual({ 'waybill-ms': 123 });
    expect(publishOptions(outgoing({ routingKey: 'a.b', key: 'k' }), toQueue).headers).toEqual({
      'waybill-ms': 123,
      'waybill-route': 'a.b',
      'waybill-key': 'k',
    });
  });

  test.each(['CC', 'BCC'])('the header %s would route the message elsewhere, so it is refused', (name) => {
    expect(() => publishOptions(outgoing({ headers: { [name]: 'x' } }), toQueue)).toThrow(/routing keys/);
    expect(() => publishOptions(outgoing({ native: { headers: { [name]: ['x'] } } }), toQueue)).toThrow(/routing keys/);
  });
});

describe('a returned message', () => {
  const returned = (over: { id?: string; content?: string; routingKey?: string; headers?: object } = {}) => ({
    content: Buffer.from(over.content ?? '{}'),
    fields: { deliveryTag: 0, redelivered: false, exchange: '', routingKey: over.routingKey ?? 'orders' },
    properties: {
      ...none,
      messageId: over.id ?? 'm1',
      timestamp: 1_700_000_000,
      headers: { 'waybill-ms': 123, ...over.headers },
    },
  });

  test('is recognised by all that it carries, not by its id alone', () => {
    expect(isSame(outgoing(), toQueue, returned())).toBe(true);
    expect(isSame(outgoing({ headers: { a: 'b' } }), toQueue, returned({ headers: { a: 'b' } }))).toBe(true);
    const others = [returned({ id: 'm2' }), returned({ content: '{ }' }), returned({ routingKey: 'other' })];
    expect(others.map((other) => isSame(outgoing(), toQueue, other))).toEqual([false, false, false]);
    expect(isSame(outgoing({ headers: { a: 'c' } }), toQueue, returned({ headers: { a: 'b' } }))).toBe(false);
  });
});

describe('what came in', () => {
  const incoming = (properties: object, fields: object = {}) =>
    new QueueMessage({
      content: Buffer.from('x'),
      fields: { deliveryTag: 7, redelivered: false, exchange: '', routingKey: 'orders', consumerTag: 't', ...fields },
      properties: { ...none, ...properties },
    });

  test('traces of the broker and our own headers are not the user’s', () => {
    const headers = {
      mine: 'yes',
      'x-mine': 'too',
      'x-delivery-count': 2,
      'x-acquired-count': 3,
      'x-death': [],
      'x-first-death-reason': 'r',
      'x-last-death-queue': 'q',
      'waybill-ms': 5,
      'waybill-key': 'k',
      'waybill-route': 'a.b',
    };
    const message = incoming({ headers, timestamp: 10 });
    expect([message.headers, message.key, message.routingKey, message.sentAt, message.attempt]).toEqual([
      { mine: 'yes', 'x-mine': 'too' },
      'k',
      'a.b',
      10_005,
      3,
    ]);
    expect(message.headers).toBe(message.headers);
  });

  test('what the broker gave up says why, unless it has a cause already', () => {
    const death = { reason: 'expired', queue: 'orders', time: { '!': 'timestamp', value: 12 }, count: 1, exchange: '' };
    const older = { ...death, reason: 'rejected' };
    expect(incoming({ headers: { 'x-death': [death, older], mine: 'yes' } }).headers).toEqual({
      mine: 'yes',
      'waybill-dead-reason': 'expired',
      'waybill-dead-error': 'given up by RabbitMQ: expired',
      'waybill-dead-from': 'orders',
      'waybill-dead-at': '12000',
    });
    const known = { 'x-death': [death], 'waybill-dead-reason': 'rejected' };
    expect(incoming({ headers: known }).headers).toEqual({ 'waybill-dead-reason': 'rejected' });
    expect(incoming({ headers: { 'x-death': [{ ...death, reason: 'delivery_limit' }] } }).headers).toMatchObject({
      'waybill-dead-reason': 'exhausted',
    });
  });

  test.each([
    [undefined, undefined],
    [0, 0],
    [9, 9],
    [31, undefined],
  ])('the priority %s reads as %s', (priority, read) => {
    expect(incoming({ priority }).priority).toBe(read);
  });

  test.each([
    [{}, {}, 1],
    [{}, { redelivered: true }, undefined],
    [{ headers: { 'x-acquired-count': 1 } }, { redelivered: true }, 1],
    [{ headers: { 'x-delivery-count': 4 } }, { redelivered: true }, 5],
  ])('attempts: %o %o is %s', (properties, fields, attempt) => {
    expect(incoming(properties, fields).attempt).toBe(attempt);
  });

  test('values of every type have a text', () => {
    const values = [
      'a',
      1,
      1.5,
      true,
      null,
      [1],
      { a: { b: 1 } },
      { '!': 'timestamp', value: 0 },
      { '!': 'timestamp', value: 1e15 },
      Buffer.from('ü'),
      Buffer.from([0xff]),
    ];
    expect(values.map(textOfValue)).toEqual([
      'a',
      '1',
      '1.5',
      'true',
      'null',
      '[1]',
      '{"a":{"b":1}}',
      '1970-01-01T00:00:00.000Z',
      '{"!":"timestamp","value":1000000000000000}',
      'ü',
      '\udcff',
    ]);
  });
});

const none = {
  ...{
    contentType: undefined,
    contentEncoding: undefined,
    headers: undefined,
    deliveryMode: undefined,
    priority: undefined,
    correlationId: undefined,
    replyTo: undefined,
  },
  ...{
    expiration: undefined,
    messageId: undefined,
    timestamp: undefined,
    type: undefined,
    userId: undefined,
    appId: undefined,
    clusterId: undefined,
  },
};
