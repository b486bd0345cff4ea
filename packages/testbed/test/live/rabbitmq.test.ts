import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { connect, type ChannelModel, type ConfirmChannel } from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ignoreGivenServers } from './support.ts';
import {
  rabbitmqLines,
  startChild,
  startProxy,
  startRabbitmq,
  testbedDirectory,
  waitFor,
  type Broker,
} from '../../src/index.ts';
import { isAlive, identify } from '../../src/process/identity.ts';
import { serverPorts } from '../../src/ports.ts';
import { probeRabbitmq } from '../../src/rabbitmq/probe.ts';

// These tests are about servers of our own, whatever the environment offers.
ignoreGivenServers();

interface Session extends AsyncDisposable {
  readonly connection: ChannelModel;
  readonly channel: ConfirmChannel;
}

async function openSession(url: string, socketOptions: Record<string, unknown> = {}): Promise<Session> {
  const connection = await connect(url, socketOptions);
  connection.on('error', () => {});
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => {});
  return { connection, channel, [Symbol.asyncDispose]: async () => connection.close().catch(() => {}) };
}

async function publish({ channel }: Session, queue: string, text: string): Promise<void> {
  channel.sendToQueue(queue, Buffer.from(text), { persistent: true });
  await channel.waitForConfirms();
}

async function drain({ channel }: Session, queue: string): Promise<string[]> {
  const texts: string[] = [];
  for (;;) {
    const message = await channel.get(queue, { noAck: true });
    if (message === false) return texts;
    texts.push(message.content.toString());
  }
}

describe.each(rabbitmqLines)('RabbitMQ %s', (line) => {
  let broker: Broker;

  beforeAll(async () => {
    broker = await startRabbitmq({ line, name: `live-test-${line}`, tls: true });
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
  });

  test('reports its own version, of the line that was asked for, and listens in the range of servers', () => {
    expect(broker.version).toMatch(line === '4.3' ? /^4\.3\.\d+$/ : /^3\.10\.\d+$/);
    expect(broker.controls).toBe('process');
    for (const port of Object.values(broker.ports)) {
      expect(port).toBeGreaterThanOrEqual(serverPorts.first);
      expect(port).toBeLessThanOrEqual(serverPorts.last);
    }
  });

  test('a persistent message survives SIGKILL and a restart on the same data and port', async () => {
    {
      await using session = await openSession(broker.url);
      await session.channel.assertQueue('durable', { durable: true });
      // 3.10 may write the end of a declaration only with the next one (see fresh-queue.test.ts).
      await session.channel.assertQueue('next', { durable: true });
      await publish(session, 'durable', 'still here');
    }
    const killed = broker.pid;
    await broker.kill();
    expect(await broker.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await expect(connect(broker.url)).rejects.toThrow('ECONNREFUSED');

    await broker.restart();
    expect(broker.pid).not.toBe(killed);
    await using session = await openSession(broker.url);
    expect(await drain(session, 'durable')).toEqual(['still here']);
  });

  test('a graceful stop ends it with code 0, and it starts again on its data', async () => {
    {
      await using session = await openSession(broker.url);
      await session.channel.assertQueue('kept', { durable: true });
      await publish(session, 'kept', 'over a stop');
    }
    await broker.stop();
    expect(await broker.exited).toEqual({ code: 0, signal: null });
    await expect(broker.kill()).rejects.toThrow('it has ended');
    await broker.restart();
    await using session = await openSession(broker.url);
    expect(await drain(session, 'kept')).toEqual(['over a stop']);
  });

  test('a paused server accepts connections and answers nobody until it is resumed', async () => {
    await broker.pause();
    await expect(probeRabbitmq(broker.url, { timeoutMs: 300 })).rejects.toThrow('no answer within 300 ms');
    await broker.resume();
    expect(await probeRabbitmq(broker.url)).toBe(broker.version);
  });

  test('TLS: trusted by its authority, refused without it and under another name', async () => {
    const { url = '', mismatchedUrl = '', authority = '' } = broker.tls ?? {};
    await using session = await openSession(url, { ca: [authority] });
    await session.channel.assertQueue('over-tls', { durable: true });
    await publish(session, 'over-tls', 'sealed');
    expect(await drain(session, 'over-tls')).toEqual(['sealed']);

    await expect(connect(url)).rejects.toMatchObject({ code: 'SELF_SIGNED_CERT_IN_CHAIN' });
    await expect(connect(mismatchedUrl, { ca: [authority] })).rejects.toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
  });

  test('users: a wrong password is refused, and permissions hold', async () => {
    const url = await broker.addUser({ name: 'reader', password: 'p@ss word/', configure: '', write: '' });
    await expect(connect(url.replace('p%40ss', 'wrong'))).rejects.toThrow('ACCESS_REFUSED');
    await using session = await openSession(url);
    await expect(session.channel.assertQueue('mine')).rejects.toThrow('ACCESS_REFUSED');
  });

  test('an alarm blocks publishers until it is cleared', async () => {
    await using session = await openSession(broker.url);
    await session.channel.assertQueue('blocked', { durable: true });
    const blocked = once(session.connection, 'blocked');
    await broker.setAlarm('memory', 'on');
    const published = publish(session, 'blocked', 'waits');
    await expect(blocked).resolves.toEqual(['low on memory']);
    const unblocked = once(session.connection, 'unblocked');
    await broker.setAlarm('memory', 'off');
    await unblocked;
    await published;
    expect(await drain(session, 'blocked')).toEqual(['waits']);
  });

  test('rabbitmqctl works on it, and says why when it does not', async () => {
    expect(await broker.control('list_vhosts')).toContain('/');
    await expect(broker.control('no_such_command')).rejects.toThrow(
      /rabbitmqctl --quiet no_such_command failed: exit code \d+/,
    );
  });

  test('a client behind the proxy: stalled confirms arrive after heal, a reset is seen, bytes prove both', async () => {
    await using proxy = await startProxy({ host: '127.0.0.1', port: broker.ports.amqp });
    await using session = await openSession(proxy.url(broker.url));
    await session.channel.assertQueue('proxied', { durable: true });
    await proxy.inject({ kind: 'stall' }, 'toClient');
    const before = proxy.bytes;
    let isConfirmed = false;
    const published = publish(session, 'proxied', 'through').then(() => (isConfirmed = true));
    await waitFor('the confirm to be held', () =>
      proxy.bytes.toClient.received > before.toClient.received ? true : undefined,
    );
    expect(proxy.bytes.toClient.forwarded).toBe(before.toClient.forwarded);
    expect(isConfirmed).toBe(false);
    await proxy.heal();
    await published;

    const failed = once(session.connection, 'close').then(
      () => undefined,
      (error: Error) => error,
    );
    await proxy.inject({ kind: 'reset' });
    expect(await failed).toMatchObject({ code: 'ECONNRESET' });
    expect(proxy.liveConnections).toBe(0);
  });
});

test('two servers at once have their own data, and leave nothing behind', async () => {
  const two = [
    await startRabbitmq({ line: '4.3', name: 'twin', configuration: { max_message_size: '1000' } }),
    await startRabbitmq({ line: '4.3', name: 'twin', management: true }),
  ] as const;
  const pids = two.map(({ pid = 0 }) => identify(pid));
  {
    await using first = await openSession(two[0].url);
    await using second = await openSession(two[1].url);
    await first.channel.assertQueue('only-in-the-first', { durable: true });
    await expect(second.channel.checkQueue('only-in-the-first')).rejects.toThrow('NOT_FOUND');

    first.channel.sendToQueue('only-in-the-first', Buffer.alloc(1_001));
    const [error] = (await once(first.channel, 'error')) as [Error];
    expect(error.message).toContain('larger than configured max size 1000');
    expect((await fetch(two[1].managementUrl ?? '')).status).toBe(200);
  }
  for (const broker of two) await broker[Symbol.asyncDispose]();
  for (const identity of pids) expect(identity && isAlive(identity)).toBe(false);
  for (const { data = '' } of two) expect(existsSync(data)).toBe(false);
});

test('what a killed owner leaves behind is ended at the next start, and only that', async () => {
  await using owner = await startChild(new URL('../programs/owner.ts', import.meta.url), [], {
    holdAt: { started: 1 },
  });
  const { detail } = await owner.reached('started', 60_000);
  const { pid, name } = detail as { pid: number; name: string };
  const orphan = identify(pid);
  await owner.kill();
  expect(orphan && isAlive(orphan)).toBe(true);

  await using next = await startRabbitmq({ line: '4.3', name: 'after-a-crash' });
  expect(next.controls).toBe('process');
  await waitFor('the orphan to be gone', () => (orphan && !isAlive(orphan) ? true : undefined));
  expect(readdirSync(`${testbedDirectory()}/run`).filter((entry) => entry.startsWith(name))).toEqual([]);
});
