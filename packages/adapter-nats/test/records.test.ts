import { type Msg, MsgHdrsImpl } from '@nats-io/transport-node';
import type { Outgoing } from '@waybill/core/driver';
import { describe, expect, test } from 'vitest';
import { dedupOf, headersOf, QueueMessage, StreamMessage } from '../src/records.ts';

const outgoing = (over: Partial<Outgoing> = {}): Outgoing => ({
  id: 'm1',
  sendId: 'm1',
  body: Buffer.from('{}'),
  contentType: 'application/json',
  sentAt: 1_700_000_000_123,
  headers: {},
  ...over,
});
const linesOf = (message: Outgoing, over: { carriesRoute?: boolean; carriesId?: boolean } = {}): string => {
  const lines = { more: dedupOf(message), carriesRoute: false, carriesId: true, ...over };
  return Buffer.from(headersOf(message, lines).encode()).toString();
};

/** As the client hands it over: what was sent, decoded by the client. */
function received(message: Outgoing, reply: string, subject = 'base'): Msg {
  const headers = MsgHdrsImpl.decode(Buffer.from(linesOf(message)));
  return { subject, reply, data: message.body, headers } as Partial<Msg> as Msg;
}
const reply = '$JS.ACK.stream.consumer.3.17.20.1795272370254499703.4';

describe('what is published', () => {
  test('the common message has three lines, and its send id is its id', () => {
    expect(linesOf(outgoing())).toBe(
      'NATS/1.0\r\nNats-Msg-Id: m1\r\nwaybill-type: application/json\r\nwaybill-at: 1700000000123\r\n\r\n',
    );
  });

  test('an id of its own is said where the send has another, or the server takes the send id away', () => {
    expect(linesOf(outgoing({ sendId: 'm1/retry' }))).toMatch(/Nats-Msg-Id: m1\/retry\r\nwaybill-id: m1\r\n/);
    expect(linesOf(outgoing(), { carriesId: false })).toMatch(/waybill-id: m1\r\n/);
  });

  test('a routing key is a header only where the subject does not say it', () => {
    expect(linesOf(outgoing({ routingKey: 'a.b' }))).toMatch(/waybill-route: a\.b\r\n/);
    expect(linesOf(outgoing({ routingKey: 'a.b' }), { carriesRoute: true })).not.toMatch(/route/);
  });

  test('no value can end its line, and a send id is one line too', () => {
    const evil = 'a\r\nNats-Rollup: all';
    const text = linesOf(outgoing({ key: evil, correlationId: evil, headers: { evil }, sendId: evil }));
    expect(text.split('\r\n').filter((line) => line.startsWith('Nats-Rollup'))).toEqual([]);
    expect(text.match(/Nats-Msg-Id: .*/g)).toEqual(['Nats-Msg-Id: "a\\r\\nNats-Rollup: all"']);
  });

  test.each([
    ['a:b', 'x'],
    ['a', 'x\ny'],
    ['', 'x'],
  ])('the native header %j: %j is refused', (name, value) => {
    expect(() => linesOf(outgoing({ native: { headers: { [name]: value } } }))).toThrow(/cannot carry/);
  });
});

describe('what comes in', () => {
  const odd = { plain: 'b', 'a:b': 'colon', padded: ' a ', lines: 'a\r\nb', 'Nats-TTL': '1', uml: 'ü', '"': '\\"' };

  test('is what was sent: headers that NATS cannot carry, ids, key and addresses', () => {
    const sent = outgoing({ headers: odd, key: 'k\n', correlationId: ' c', replyTo: 'r', routingKey: 'x.y' });
    const got = new QueueMessage(received(sent, reply), 'base');
    expect(got.headers).toEqual(odd);
    const { id, key, correlationId, replyTo, routingKey, contentType, sentAt } = got;
    expect({ id, key, correlationId, replyTo, routingKey, contentType, sentAt }).toEqual({
      ...{ id: 'm1', key: 'k\n', correlationId: ' c', replyTo: 'r', routingKey: 'x.y' },
      ...{ contentType: 'application/json', sentAt: 1_700_000_000_123 },
    });
  });

  test.each([reply, '$JS.ACK._.ACCOUNT.stream.consumer.3.17.20.1795272370254499703.4.random'])(
    'counts and positions are read from either form of %s',
    (form) => {
      const native = received(outgoing(), form);
      const got = new QueueMessage(native, 'base');
      expect([got.attempt, got.redelivered, got.receipt]).toEqual([3, true, form]);
      expect(new StreamMessage(native, 'base').position).toBe('17');
    },
  );
});
