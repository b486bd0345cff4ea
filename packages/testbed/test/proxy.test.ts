import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startProxy, waitFor, type Proxy } from '../src/index.ts';
import { proxyPorts } from '../src/ports.ts';
import { openRun, type Run } from '../src/process/run.ts';

// A server that sends back what it gets, and that shows its end of every connection.
const server = createServer({ allowHalfOpen: true });
const accepted: Socket[] = [];
let run: Run;
let proxy: Proxy;

beforeEach(async () => {
  server.removeAllListeners('connection').on('connection', (socket) => {
    accepted.push(socket);
    socket.on('error', () => {}).pipe(socket);
  });
  run = await openRun('proxy-test', 1);
  const [port = 0] = run.ports;
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  proxy = await startProxy({ host: '127.0.0.1', port });
});

afterEach(async () => {
  await proxy[Symbol.asyncDispose]();
  for (const socket of accepted.splice(0)) socket.destroy();
  server.close();
  await once(server, 'close');
  run.remove();
});

interface Client {
  readonly socket: Socket;
  readonly chunks: Buffer[];
  readonly text: () => string;
  /** What became of the connection, in order. */
  readonly events: string[];
}

async function openClient(): Promise<Client> {
  const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  const chunks: Buffer[] = [];
  const events: string[] = [];
  socket.on('data', (bytes: Buffer) => chunks.push(bytes));
  socket.on('end', () => events.push('end'));
  socket.on('error', (error: NodeJS.ErrnoException) => events.push(error.code ?? error.message));
  await once(socket, 'connect');
  return { socket, chunks, events, text: () => Buffer.concat(chunks).toString() };
}

async function echoed(client: Client, text: string): Promise<void> {
  await waitFor(`"${text}" to come back`, () => (client.text() === text ? true : undefined));
}

async function eventOf(client: Client): Promise<string> {
  return waitFor('the connection to end', () => client.events[0]);
}

test('without a fault, bytes pass both ways and are counted', async () => {
  const client = await openClient();
  client.socket.write('hello');
  await echoed(client, 'hello');
  expect(proxy.bytes).toEqual({ toServer: { received: 5, forwarded: 5 }, toClient: { received: 5, forwarded: 5 } });
  expect(proxy.liveConnections).toBe(1);
  client.socket.end();
  expect(await eventOf(client)).toBe('end');
  await waitFor('the proxy to see the end', () => (proxy.liveConnections === 0 ? true : undefined));
});

test('it listens inside the range that is kept for proxies and rewrites a URL to itself', () => {
  expect(proxy.port).toBeGreaterThanOrEqual(proxyPorts.first);
  expect(proxy.port).toBeLessThanOrEqual(proxyPorts.last);
  expect(proxy.url('amqp://guest:gu%20est@127.0.0.1:5672/a%2Fb?heartbeat=5')).toBe(
    `amqp://guest:gu%20est@127.0.0.1:${proxy.port}/a%2Fb?heartbeat=5`,
  );
});

test('a delay holds for each direction and does not add up over what is under way', async () => {
  const client = await openClient();
  await proxy.inject({ kind: 'delay', ms: 150 });
  const started = performance.now();
  for (let count = 0; count < 5; count++) client.socket.write('x');
  await echoed(client, 'xxxxx');
  const took = performance.now() - started;
  expect(took).toBeGreaterThanOrEqual(295);
  expect(took).toBeLessThan(1_200);

  await proxy.inject({ kind: 'delay', ms: 0 }, 'toServer');
  const again = performance.now();
  client.socket.write('y');
  await echoed(client, 'xxxxxy');
  expect(performance.now() - again).toBeGreaterThanOrEqual(145);
});

test('a stall keeps bytes and ends from arriving, and heal delivers them', async () => {
  const client = await openClient();
  await proxy.inject({ kind: 'stall' }, 'toServer');
  client.socket.write('late');
  await waitFor('the proxy to have the bytes', () => (proxy.bytes.toServer.received === 4 ? true : undefined));
  client.socket.end();
  expect(proxy.bytes.toServer.forwarded).toBe(0);
  expect(client.text()).toBe('');
  expect(proxy.liveConnections).toBe(1);

  await proxy.heal();
  await echoed(client, 'late');
  expect(await eventOf(client)).toBe('end');
});

test('a stall in one direction lets the other one live', async () => {
  const client = await openClient();
  await proxy.inject({ kind: 'stall' }, 'toClient');
  client.socket.write('heard');
  await waitFor('the answer to be held', () => (proxy.bytes.toClient.received === 5 ? true : undefined));
  expect(proxy.bytes.toServer.forwarded).toBe(5);
  expect(client.text()).toBe('');
});

test('a stall holds back even the death of the other end, so that a connection is half-open', async () => {
  const client = await openClient();
  client.socket.write('a');
  await echoed(client, 'a');
  await proxy.inject({ kind: 'stall' });
  accepted[0]?.resetAndDestroy();
  await expect(waitFor('any event', () => client.events[0], { timeoutMs: 200 })).rejects.toThrow('in vain');
  expect(client.events).toEqual([]);
  await proxy.heal();
  expect(await eventOf(client)).toBe('ECONNRESET');
});

test('a drop loses bytes, and heal resets only the connections that lost some', async () => {
  const [loser, idle] = [await openClient(), await openClient()];
  await proxy.inject({ kind: 'drop' }, 'toServer');
  loser.socket.write('lost');
  await waitFor('the proxy to take the bytes', () => (proxy.bytes.toServer.received === 4 ? true : undefined));
  expect(proxy.bytes.toServer.forwarded).toBe(0);
  await proxy.heal();
  expect(await eventOf(loser)).toBe('ECONNRESET');
  idle.socket.write('fine');
  await echoed(idle, 'fine');
});

test('a limit slows the bytes down to the rate', async () => {
  const client = await openClient();
  await proxy.inject({ kind: 'limit', bytesPerSecond: 20_000 }, 'toServer');
  const started = performance.now();
  client.socket.write(Buffer.alloc(10_000, 'x'));
  await waitFor('all of it', () => (client.text().length === 10_000 ? true : undefined));
  const took = performance.now() - started;
  expect(took).toBeGreaterThan(450);
  expect(took).toBeLessThan(3_000);
});

test('slices of one byte arrive one by one and complete', async () => {
  const client = await openClient();
  await proxy.inject({ kind: 'slice', bytes: 1 }, 'toClient');
  client.socket.write('in many pieces');
  await echoed(client, 'in many pieces');
  expect(client.chunks.length).toBeGreaterThan(7);
});

test('a truncation lets exactly that many bytes through and then closes both ends', async () => {
  const client = await openClient();
  client.socket.write('before ');
  await echoed(client, 'before ');
  await proxy.inject({ kind: 'truncate', afterBytes: 3 }, 'toClient');
  client.socket.write('abcdef');
  expect(await eventOf(client)).toBe('end');
  expect(client.text()).toBe('before abc');
  expect(proxy.connections[0]?.toClient).toEqual({ received: 13, forwarded: 10 });
});

test('a truncation may end in a reset', async () => {
  const client = await openClient();
  await proxy.inject({ kind: 'truncate', afterBytes: 3, by: 'reset' }, 'toServer');
  client.socket.write('abcdef');
  expect(await eventOf(client)).toBe('ECONNRESET');
  expect(proxy.bytes.toServer.forwarded).toBe(3);
});

test('a reset reaches both ends as one; towards the client alone it leaves the server half-open', async () => {
  const [first, second] = [await openClient(), await openClient()];
  second.socket.write('a');
  await echoed(second, 'a');
  const [, serverEnd] = accepted;
  await proxy.inject({ kind: 'reset' }, 'toClient');
  expect(await eventOf(first)).toBe('ECONNRESET');
  expect(await eventOf(second)).toBe('ECONNRESET');
  expect(serverEnd?.destroyed).toBe(false);
  expect(proxy.liveConnections).toBe(2);

  await proxy.inject({ kind: 'reset' });
  await waitFor('the server to lose it too', () => (serverEnd?.destroyed ? true : undefined));
  expect(proxy.liveConnections).toBe(0);
});

test('an end towards the client closes that direction only', async () => {
  const client = await openClient();
  client.socket.write('a');
  await echoed(client, 'a');
  await proxy.inject({ kind: 'end' }, 'toClient');
  expect(await eventOf(client)).toBe('end');
  client.socket.write('bc');
  await waitFor('the server to be given more', () => (proxy.bytes.toServer.forwarded === 3 ? true : undefined));
});

test('refusing turns new connections away and leaves the living alone, until heal', async () => {
  const living = await openClient();
  await proxy.inject({ kind: 'refuse' });
  await expect(openClient()).rejects.toThrow('ECONNREFUSED');
  living.socket.write('still here');
  await echoed(living, 'still here');
  await proxy.heal();
  const late = await openClient();
  late.socket.write('welcome');
  await echoed(late, 'welcome');
});

test('a lasting fault holds for connections that come later', async () => {
  await proxy.inject({ kind: 'stall' }, 'toServer');
  const client = await openClient();
  client.socket.write('x');
  await waitFor('the proxy to have it', () => (proxy.bytes.toServer.received === 1 ? true : undefined));
  expect(proxy.bytes.toServer.forwarded).toBe(0);
});

test('large transfers arrive whole, in both directions at once', async () => {
  const client = await openClient();
  const body = Buffer.alloc(8 * 1024 * 1024, 'abcdefghij');
  client.socket.write(body);
  await waitFor('all of it', () => (proxy.bytes.toClient.forwarded === body.length ? true : undefined), {
    timeoutMs: 20_000,
  });
  await waitFor('all of it here', () =>
    client.chunks.reduce((sum, { length }) => sum + length, 0) === body.length ? true : undefined,
  );
  expect(Buffer.concat(client.chunks).equals(body)).toBe(true);
});

test('a server that is not there is seen as a reset', async () => {
  await using lost = await startProxy({ host: '127.0.0.1', port: 1 });
  const socket = connect({ port: lost.port, host: '127.0.0.1' });
  const [error] = (await once(socket, 'close').catch((reason: unknown) => [reason])) as [unknown];
  expect(error).toMatchObject({ code: 'ECONNRESET' });
});
