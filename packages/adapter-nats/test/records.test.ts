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
/** As the client keeps it: header lines and body, in a piece of what came from the socket. Its decoder is of no use here. */
function kept(lines: string, body = '{}'): Msg {
  const bytes = Buffer.from(`before${lines}${body}after`);
  const _rdata = bytes.subarray(6, bytes.length - 5);
  const data = _rdata.subarray(_rdata.length - Buffer.byteLength(body));
  const message = { subject: 'base', data, _rdata, headers: MsgHdrsImpl.fromRecord({ unread: [''] }) };
  return message as Partial<Msg> as Msg;
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
    for (const native of [received(sent, reply), kept(linesOf(sent))]) {
      const got = new QueueMessage(native, 'base');
      expect(got.headers).toEqual(odd);
      const { id, key, correlationId, replyTo, routingKey, contentType, sentAt } = got;
      expect({ id, key, correlationId, replyTo, routingKey, contentType, sentAt }).toEqual({
        ...{ id: 'm1', key: 'k\n', correlationId: ' c', replyTo: 'r', routingKey: 'x.y' },
        ...{ contentType: 'application/json', sentAt: 1_700_000_000_123 },
      });
    }
  });

  test('what others write is read as it is: without spaces, repeated, with names of any kind, or without headers', () => {
    const lines =
      'NATS/1.0\r\nb:1\r\na:  x: y \r\na: 2\r\nconstructor: c\r\n__proto__: p\r\nna me\u00e4: \u20ac\r\nno colon\r\nempty:\r\nNats-Msg-Id: theirs\r\n\r\n';
    const got = new QueueMessage(kept(lines, 'NATS/1.0\r\nz: 1\r\n\r\n'), 'base');
    expect(got.headers).toEqual({ b: '1', a: 'x: y', constructor: 'c', 'na me\u00e4': '\u20ac', empty: '' });
    expect(got.id).toBe('theirs');
    const bare = new QueueMessage(kept(''), 'base');
    expect([bare.headers, bare.id, Buffer.from(bare.body).toString()]).toEqual([{}, undefined, '{}']);
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
