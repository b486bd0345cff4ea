import { expect, test } from 'vitest';
import { startKafka, startKafkaCluster, startProxy } from '../../src/index.ts';
import { knownBrokers, probeKafka } from '../../src/kafka/probe.ts';
import { kafkaClient, readFromKafka, writeToKafka } from './subjects.ts';
import { ignoreGivenServers } from './support.ts';

ignoreGivenServers();

const user = { name: 'waybill', password: 'pass.word~1' };

test('TLS and logins of every kind hold, together too', async () => {
  await using kafka = await startKafka({ line: '4.3', name: 'kafka-secured', tls: true, user });
  const { url = '', mismatchedUrl = '', authority = '' } = kafka.tls ?? {};
  const login = { username: user.name, password: user.password };
  const written = { sasl: { mechanism: 'PLAIN', ...login } } as const;
  await writeToKafka(kafkaClient(kafka.url, written), ['sealed']);
  for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const) {
    const sasl = { mechanism, ...login };
    expect(await readFromKafka(kafkaClient(kafka.url, { sasl }))).toEqual(['sealed']);
    expect(await readFromKafka(kafkaClient(url, { sasl, tls: { ca: authority } }))).toEqual(['sealed']);
    const wrong = kafkaClient(kafka.url, { sasl: { ...sasl, password: 'wrong' }, retries: 0 });
    await expect(readFromKafka(wrong)).rejects.toThrow();
  }
  await expect(probeKafka(url)).rejects.toThrow(/unable to verify|self-signed/);
  await expect(probeKafka(mismatchedUrl, { authority })).rejects.toThrow('does not match');
});

test("Kafka's own tools work on it, say why when they do not, and show that share groups are on", async () => {
  await using kafka = await startKafka({ line: '4.3', configuration: { 'log.retention.hours': '7' } });
  await kafka.control('kafka-topics.sh', '--create', '--topic', 'made-by-hand', '--partitions', '3');
  expect(await kafka.control('kafka-topics.sh', '--list')).toContain('made-by-hand');
  const settings = ['--describe', '--all', '--entity-type', 'brokers', '--entity-name', '1'] as const;
  expect(await kafka.control('kafka-configs.sh', ...settings)).toContain('log.retention.hours=7');
  const create = ['--create', '--topic', 'made-by-hand'] as const;
  await expect(kafka.control('kafka-topics.sh', ...create)).rejects.toThrow('already exists');

  await writeToKafka(kafkaClient(kafka.url), ['shared']);
  const earliest = ['--add-config', 'share.auto.offset.reset=earliest'] as const;
  await kafka.control('kafka-configs.sh', '--alter', '--entity-type', 'groups', '--entity-name', 'team', ...earliest);
  const first = ['--topic', 'kept', '--group', 'team', '--max-messages', '1', '--timeout-ms', '20000'] as const;
  expect((await kafka.control('kafka-console-share-consumer.sh', ...first)).trim()).toBe('shared');
});

test('a way leads through its proxy only; a proxy that the broker does not know of is left out', async () => {
  await using kafka = await startKafka({ line: '4.3', ways: 1 });
  await writeToKafka(kafkaClient(kafka.url), ['through']);
  await using unknown = await startProxy({ host: '127.0.0.1', port: kafka.port });
  {
    await using way = await kafka.openWay();
    await expect(kafka.openWay()).rejects.toThrow('larger number of `ways`');
    expect(await readFromKafka(kafkaClient(way.url))).toEqual(['through']);
    const [proxy] = way.proxies;
    expect(proxy?.bytes.toClient.forwarded).toBeGreaterThan(500);
    await proxy?.inject({ kind: 'stall' }, 'toClient');
    await expect(probeKafka(way.url, { timeoutMs: 300 })).rejects.toThrow('no answer');
    await proxy?.heal();
  }
  await using again = await kafka.openWay();
  expect(await readFromKafka(kafkaClient(again.url))).toEqual(['through']);
  expect(await readFromKafka(kafkaClient(unknown.url('kafka://127.0.0.1:1')))).toEqual(['through']);
  expect(unknown.bytes.toClient.forwarded).toBeLessThan(again.proxies[0]?.bytes.toClient.forwarded ?? 0);
});

test('a setting that is wrong is told with the words of the server', async () => {
  const started = startKafka({ line: '4.3', name: 'kafka-misset', configuration: { 'num.io.threads': 'many' } });
  await expect(started).rejects.toThrow(/num\.io\.threads/);
  await expect(startKafka({ line: '4.3', user: { name: 'a', password: 'b"c' } })).rejects.toThrow('letters, digits');
});

test('three brokers lose nothing when one of them is killed, and have it back after a restart', async () => {
  await using cluster = await startKafkaCluster({ line: '4.3', ways: 1 });
  await writeToKafka(kafkaClient(cluster.url), ['replicated']);
  {
    await using way = await cluster.openWay();
    expect(await readFromKafka(kafkaClient(way.url))).toEqual(['replicated']);
    expect(way.proxies).toHaveLength(3);
  }
  const [first, second] = cluster.nodes;
  await first?.kill();
  await expect.poll(() => knownBrokers(second?.url ?? ''), { timeout: 20_000 }).toHaveLength(2);
  expect(await readFromKafka(kafkaClient(cluster.url, { retries: 10 }))).toEqual(['replicated']);
  await first?.restart();
  await expect.poll(() => knownBrokers(second?.url ?? ''), { timeout: 20_000 }).toHaveLength(3);
}, 120_000);
