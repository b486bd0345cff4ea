import { describe, expect, it } from 'vitest';
import {
  accept,
  bench,
  consume as consumeOn,
  drain,
  message,
  never,
  queue,
  reject,
  release,
  send,
  subscription,
  texts,
  topic,
} from './support.ts';

const news = { kind: 'topic', name: 'news', order: 'none' } as const;

describe('a topic', () => {
  it('gives every subscription a copy, and those who share one name one copy between them', async () => {
    const { link, declare, consume } = await bench();
    await declare(topic('news'), subscription('news', 'mail'), subscription('news', 'audit'));
    await send(link, news, 'a', 'b');
    const [one, other, audit] = [
      await consume({ ...news, subscription: 'mail' }),
      await consume({ ...news, subscription: 'mail' }),
      await consume({ ...news, subscription: 'audit' }),
    ];
    expect(texts([...(await one.pull(1, never)), ...(await other.pull(1, never))])).toEqual(['a', 'b']);
    expect(texts(await drain(audit))).toEqual(['a', 'b']);
  });

  it('settles one subscription and no other', async () => {
    const { link, declare, consume } = await bench();
    await declare(topic('news'), subscription('news', 'mail'), subscription('news', 'audit'));
    await send(link, news, 'a');
    const mail = await consume({ ...news, subscription: 'mail' });
    await mail.settle([reject((await mail.pull(1, never))[0]!, 'unwanted')]);
    const audit = await consume({ ...news, subscription: 'audit' });
    expect(await audit.settle((await audit.pull(1, never)).map(accept))).toEqual([]);
    expect(await link.admin!.depth(news)).toEqual({ ready: 0, inFlight: 0, delayed: 0 });
  });

  it('collects for a durable subscription while nobody consumes, and for a passing one from now on', async () => {
    const { link, declare, consume } = await bench();
    await declare(topic('news'), subscription('news', 'mail'));
    await send(link, news, 'before');
    const passing = await consume(news);
    await send(link, news, 'after');
    expect(texts(await drain(passing))).toEqual(['after']);
    expect(texts(await drain(await consume({ ...news, subscription: 'mail' })))).toEqual(['before', 'after']);
    await passing.close();
    await send(link, news, 'later');
    expect(texts(await drain(await consume(news)))).toEqual([]);
  });

  it('takes what nobody subscribed to', async () => {
    const { link, declare } = await bench();
    await declare(topic('news'));
    expect(await link.send(news, [message('a')])).toEqual({ unsent: [] });
  });

  it('chooses by pattern and by headers, which all must be equal', async () => {
    const { link, declare, consume } = await bench();
    await declare(
      topic('news'),
      subscription('news', 'orders', { filter: { pattern: 'orders.*' } }),
      subscription('news', 'eu', { filter: { headers: { region: 'eu', kind: 'order' } } }),
      subscription('news', 'both', { filter: { pattern: '#.paid', headers: { region: 'eu' } } }),
    );
    await send(
      link,
      news,
      message('1', { routingKey: 'orders.paid', headers: { region: 'eu', kind: 'order', more: 'x' } }),
      message('2', { routingKey: 'orders.paid', headers: { region: 'us', kind: 'order' } }),
      message('3', { headers: { region: 'eu' } }),
    );
    const chosen = async (name: string) => texts(await drain(await consume({ ...news, subscription: name })));
    expect(await chosen('orders')).toEqual(['1', '2']);
    expect(await chosen('eu')).toEqual(['1']);
    expect(await chosen('both')).toEqual(['1']);
    const passing = await consume({ ...news, filter: { pattern: '*.*.eu' } });
    await send(link, news, message('4', { routingKey: 'a.b.eu' }), message('5', { routingKey: 'a.b.us' }));
    expect(texts(await drain(passing))).toEqual(['4']);
  });

  it('keeps delay, expiry and priority for every subscription on its own', async () => {
    const { clock, link, declare, consume } = await bench();
    await declare(topic('news'), subscription('news', 'a'), subscription('news', 'b'));
    await send(
      link,
      news,
      message('late', { delayMs: 1000 }),
      message('brief', { ttlMs: 500 }),
      'plain',
      message('urgent', { priority: 9 }),
    );
    const a = await consume({ ...news, subscription: 'a' });
    expect(texts(await drain(a))).toEqual(['urgent', 'brief', 'plain']);
    await clock.advance(1000);
    expect(texts(await drain(a))).toEqual(['late']);
    expect(texts(await drain(await consume({ ...news, subscription: 'b' })))).toEqual(['urgent', 'plain', 'late']);
  });

  it('buries what a subscription gives up where that subscription says', async () => {
    const { clock, link, declare, consume } = await bench();
    await declare(
      queue('mail.dead'),
      topic('news'),
      subscription('news', 'mail', { deadLetter: 'mail.dead' }),
      subscription('news', 'audit'),
    );
    await send(link, news, 'rejected', message('brief', { ttlMs: 100, priority: 3 }));
    const mail = await consume({ ...news, subscription: 'mail' });
    const [brief, rejected] = await mail.pull(2, never);
    await mail.settle([reject(rejected!, 'unwanted'), release(brief!, 200)]);
    await clock.advance(200);
    const letters = await drain(await consume({ kind: 'queue', name: 'mail.dead', order: 'none' }));
    expect(
      letters.map(({ id, headers, priority }) => [
        id,
        headers['waybill-dead-reason'],
        headers['waybill-dead-from'],
        priority,
      ]),
    ).toEqual([
      ['rejected', 'unwanted', 'news/mail', undefined],
      ['brief', 'expired', 'news/mail', 3],
    ]);
    expect(texts(await drain(await consume({ ...news, subscription: 'audit' })))).toEqual(['rejected']);
  });

  it('drops a second publish with the same send id for all', async () => {
    const { link, declare, consume } = await bench();
    await declare(topic('news'), subscription('news', 'a'), subscription('news', 'b'));
    const once = message('a', { sendId: 'once' });
    await send(link, news, once, once);
    for (const name of ['a', 'b'])
      expect(texts(await drain(await consume({ ...news, subscription: name })))).toEqual(['a']);
  });

  it('has no subscription that was not declared', async () => {
    const { link, declare } = await bench();
    await expect(consumeOn(link, news)).rejects.toMatchObject({ code: 'not-found', destination: 'news' });
    await declare(topic('news'));
    await expect(consumeOn(link, { ...news, subscription: 'mail' })).rejects.toMatchObject({
      code: 'not-found',
      destination: 'news/mail',
    });
  });
});

describe('a reply inbox', () => {
  it('is private, reached by its address, and gone with its receiver', async () => {
    const { link, consume } = await bench();
    const [inbox, other] = [await consume({ kind: 'reply' }), await consume({ kind: 'reply' })];
    expect(inbox.address).not.toBe(other.address);
    const target = { kind: 'reply', name: inbox.address! } as const;
    await send(link, target, message('answer', { correlationId: '1' }));
    const [reply] = await inbox.pull(1, never);
    expect(reply).toMatchObject({ correlationId: '1' });
    expect(await inbox.settle([accept(reply!)])).toEqual([]);
    expect(await drain(other)).toEqual([]);
    await inbox.close();
    expect((await link.send(target, [message('late')])).unsent).toMatchObject([
      { outcome: 'rejected', error: { code: 'not-found' } },
    ]);
  });
});
