import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { ignoreGivenServers } from './support.ts';
import { acquireRabbitmq, shareRabbitmq, startChild, startRabbitmq, type Broker } from '../../src/index.ts';
import { probeRabbitmq } from '../../src/rabbitmq/probe.ts';

// Stands for a server that somebody else runs: only its URL is given away.
let running: Broker;

beforeAll(async () => {
  vi.stubEnv('WAYBILL_RABBITMQ_URL', undefined);
  running = await startRabbitmq({ line: '4.3', name: 'given' });
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});
beforeEach(() => {
  ignoreGivenServers();
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const controls = {
  stop: async (broker: Broker) => broker.stop(),
  kill: async (broker: Broker) => broker.kill(),
  restart: async (broker: Broker) => broker.restart(),
  pause: async (broker: Broker) => broker.pause(),
  resume: async (broker: Broker) => broker.resume(),
};
const administration = {
  control: async (broker: Broker) => broker.control('status'),
  addUser: async (broker: Broker) => broker.addUser({ name: 'a', password: 'b' }),
  setAlarm: async (broker: Broker) => broker.setAlarm('disk', 'on'),
};

test('a URL from the environment wins, is asked for its version, and is left alone', async () => {
  vi.stubEnv('WAYBILL_RABBITMQ_URL', running.url);
  const broker = await startRabbitmq({ line: '4.3' });
  expect(broker).toMatchObject({ url: running.url, version: running.version, controls: 'none', pid: undefined });
  await broker[Symbol.asyncDispose]();
  expect(await probeRabbitmq(running.url)).toBe(running.version);
});

test.each(Object.entries({ ...controls, ...administration }))(
  '%s of a server from the environment says why not',
  async (_name, act) => {
    vi.stubEnv('WAYBILL_RABBITMQ_URL', running.url);
    const broker = await startRabbitmq({ line: '4.3' });
    await expect(act(broker)).rejects.toThrow(
      /cannot .*: this server is the one that WAYBILL_RABBITMQ_URL names; unset/,
    );
  },
);

test('a URL of another line, a URL that is none, and one where nobody answers are refused', async () => {
  vi.stubEnv('WAYBILL_RABBITMQ_310_URL', running.url);
  await expect(startRabbitmq({ line: '3.10' })).rejects.toThrow(
    `WAYBILL_RABBITMQ_310_URL names a RabbitMQ ${running.version}, but line 3.10 is needed`,
  );
  vi.stubEnv('WAYBILL_RABBITMQ_310_URL', 'localhost:5672');
  await expect(startRabbitmq({ line: '3.10' })).rejects.toThrow('write it as amqp://user:password@host:port');
  vi.stubEnv('WAYBILL_RABBITMQ_310_URL', 'amqp://guest:secret@127.0.0.1:1');
  await expect(startRabbitmq({ line: '3.10' })).rejects.toThrow(
    /^no RabbitMQ answers at 127\.0\.0\.1:1, which WAYBILL_RABBITMQ_310_URL names: .*ECONNREFUSED/,
  );
});

test('what only a server of our own can have is refused for one from the environment', async () => {
  vi.stubEnv('WAYBILL_RABBITMQ_URL', running.url);
  await expect(startRabbitmq({ line: '4.3', tls: true })).rejects.toThrow('cannot set up TLS, management or settings');
});

test('a shared server is administered by everybody and ended by nobody but its owner', async () => {
  const sharing = await shareRabbitmq({ line: '4.3', name: 'shared' });
  const [one, other] = [await acquireRabbitmq({ line: '4.3' }), await acquireRabbitmq({ line: '4.3' })];
  expect(one.url).toBe(other.url);
  expect(one.url).not.toBe(running.url);
  const url = await one.addUser({ name: 'guest of one', password: 'x' });
  expect(await probeRabbitmq(url)).toBe(one.version);
  for (const act of Object.values(controls))
    await expect(act(one)).rejects.toThrow('other test files share this server');
  await one[Symbol.asyncDispose]();
  expect(await probeRabbitmq(other.url)).toBe(other.version);
  await expect(acquireRabbitmq({ line: '4.3', tls: true })).rejects.toThrow('started without tls');

  await using guest = await startChild(new URL('../programs/guest.ts', import.meta.url));
  expect((await guest.reached('acquired')).detail).toEqual({ url: one.url, controls: 'none' });

  await sharing[Symbol.asyncDispose]();
  await expect(probeRabbitmq(one.url)).rejects.toThrow('ECONNREFUSED');
});

test('an unknown line is refused with the known ones', async () => {
  await expect(startRabbitmq({ line: '9.9' as '4.3' })).rejects.toThrow('choose one of 4.3, 3.10');
});
