import type { KafkaOptions } from '@waybill/adapter-kafka';
import { startKafka, waitFor } from '@waybill/testbed';
import { afterAll, describe, expect, test } from 'vitest';
import { never } from '../../../conformance/test/link.ts';
import { failureOf, message, newStream, open as openLink, outcomesOf, read, store } from './support.ts';

const broker = await startKafka({ line: '4.3', ways: 1 });
afterAll(() => broker[Symbol.asyncDispose]());

const batch = (name: string) => Array.from({ length: 5 }, (_, index) => message(`${name}${index}`, { key: 'k' }));

describe.each(['platformatic', 'kafkajs'] as const)('a link with %s', (client) => {
  const open = (options: string | KafkaOptions): ReturnType<typeof openLink> =>
    openLink(typeof options === 'string' ? { url: options, client } : { ...options, client });

  test('whose answer is lost while others wait: what was confirmed is stored once, and nothing takes its place', async () => {
    await using way = await broker.openWay();
    const [proxy] = way.proxies;
    await using link = await open(way.url);
    const log = await newStream(link);
    await store(link, log, batch('first'));
    await proxy!.inject({ kind: 'drop' }, 'toClient');
    const [lost, waiting, last] = [link.send(log, batch('a')), link.send(log, batch('b')), link.send(log, batch('c'))];
    await waitFor('the first to be stored', async () => (await endOf(log.name)) >= 10 || undefined);
    await proxy!.inject({ kind: 'reset' });
    const outcomes = await Promise.all([lost, waiting, last]);
    expect(outcomesOf(outcomes[0])).toEqual(['0 unknown', '1 unknown', '2 unknown', '3 unknown', '4 unknown']);
    await proxy!.heal();
    expect(await link.closed).toBeTruthy();

    await using again = await open(broker.url);
    await store(again, log, batch('d'));
    const stored = (await (await read(again, { ...log, from: 'earliest' })).take(await endOf(log.name))).map(
      ({ id }) => id,
    );
    const confirmed = (sent: (typeof outcomes)[number], name: string): string[] =>
      sent.unsent.length === 0 ? batch(name).map(({ id }) => id) : [];
    for (const id of [
      ...confirmed(outcomes[1], 'b'),
      ...confirmed(outcomes[2], 'c'),
      ...batch('d').map((one) => one.id),
    ])
      expect(stored).toContain(id);
    expect(new Set(stored).size).toBe(stored.length);
  });

  test('goes on after a standstill of its broker, which knows of no broker then, not even of itself', async () => {
    await using link = await open({ url: broker.url, requestTimeoutMs: 30_000 });
    const log = await newStream(link);
    await broker.pause();
    const pausedAt = performance.now();
    // Its session ends after two seconds: broker.session.timeout.ms in the testbed.
    await waitFor('three seconds', () => performance.now() - pausedAt > 3000 || undefined);
    await broker.resume();
    const resumedAt = performance.now();
    const answered = async (): Promise<true | undefined> =>
      link.ping(never).then(() => performance.now() - resumedAt > 3000 || undefined);
    await waitFor('answers for three seconds', answered);
    const sent = async (): Promise<true | undefined> =>
      (await link.send(log, batch('after'))).unsent.length === 0 || undefined;
    expect(await waitFor('a batch to be stored', sent)).toBe(true);
  });

  test('to a broker that is not there ends at once, and says where', async () => {
    const error = await failureOf(open('kafka://127.0.0.1:20999'));
    expect(error).toMatchObject({ code: 'unavailable', message: expect.stringContaining('127.0.0.1:20999') as string });
  });

  test('goes to the second host where the first does not answer', async () => {
    await using link = await open({ url: broker.url, hosts: ['127.0.0.1:20999', new URL(broker.url).host] });
    expect(await link.ping(new AbortController().signal)).toBeUndefined();
  });

  test('that is closed leaves no connection, and closing it again does nothing', async () => {
    const link = await open(broker.url);
    const log = await newStream(link);
    const reading = await read(link, { ...log, group: `g-${log.name}`, from: 'earliest' });
    await reading.lane();
    await link.close();
    await link.close();
    expect(await link.closed).toBeUndefined();
    expect(await reading.receiver.closed).toBeUndefined();
    await using other = await open(broker.url);
    // It has left its group, so that nobody waits for the end of its session.
    const begun = performance.now();
    const next = await read(other, { ...log, group: `g-${log.name}`, from: 'earliest' });
    await next.lane();
    expect(performance.now() - begun).toBeLessThan(3000);
    await next.receiver.close();
  });
});

async function endOf(topic: string): Promise<number> {
  await using link = await openLink(broker.url);
  return (await link.admin!.depth({ kind: 'stream', name: topic, order: 'none', from: 'earliest' })).ready!;
}
