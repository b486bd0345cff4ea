import { existsSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Server } from '../../src/index.ts';
import { serverPorts } from '../../src/ports.ts';
import { identify, isAlive } from '../../src/process/identity.ts';
import { threadStates } from '../../src/process/threads.ts';
import { isOfLine } from '../../src/install/recipe.ts';
import { servers } from '../../src/servers.ts';
import { ignoreGivenServers } from './support.ts';
import { subjects } from './subjects.ts';

const controls = ['stop', 'kill', 'restart', 'pause', 'resume'] as const;

describe.each(subjects)('$name $line', ({ name, line, start, probe, write, read, stopped }) => {
  const variable = servers[name]?.urlVariable(line) ?? '';
  let server: Server;

  beforeAll(async () => {
    ignoreGivenServers();
    server = await start(`live-${name}-${line}`);
    await write(server.url, ['first']);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    ignoreGivenServers();
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  test('reports a version of its line, and listens in the range of servers', () => {
    expect(isOfLine(server.version, line)).toBe(true);
    expect(server).toMatchObject({ line, controls: 'process' });
    expect(server.port).toBeGreaterThanOrEqual(serverPorts.first);
    expect(server.port).toBeLessThanOrEqual(serverPorts.last);
    expect(Number(new URL(server.url).port)).toBe(server.port);
  });

  test('what was confirmed survives SIGKILL and a restart on the same data and port', async () => {
    const before = identify(server.pid ?? 0);
    await server.kill();
    expect(await server.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await expect(probe(server.url, { timeoutMs: 500 })).rejects.toThrow('ECONNREFUSED');
    await server.restart();
    expect(identify(server.pid ?? 0)).not.toEqual(before);
    expect(await read(server.url)).toEqual(['first']);
  });

  test('a graceful stop ends it, and it starts again on its data', async () => {
    await server.stop();
    expect(await server.exited).toEqual(stopped);
    await expect(server.kill()).rejects.toThrow('it has ended');
    await server.restart();
    expect(await read(server.url)).toEqual(['first']);
  });

  test('paused, every thread is stopped and nobody is answered, until it is resumed', async () => {
    await server.pause();
    expect(new Set(threadStates(server.pid ?? 0))).toEqual(new Set(['T']));
    await expect(probe(server.url, { timeoutMs: 300 })).rejects.toThrow('no answer within 300 ms');
    await server.resume();
    expect(threadStates(server.pid ?? 0)).not.toContain('T');
    expect(await probe(server.url, { timeoutMs: 5_000 })).toBe(server.version);
  });

  test('given by the environment, it is used and left alone, and says why it is not controlled', async () => {
    vi.stubEnv(variable, server.url);
    const given = await start('none');
    const { url, version } = server;
    expect(given).toMatchObject({ url, version, line, controls: 'none', pid: undefined, log: undefined });
    for (const control of controls)
      await expect(given[control]()).rejects.toThrow(`this server is the one that ${variable} names; unset`);
    await given[Symbol.asyncDispose]();
    expect(await probe(server.url, { timeoutMs: 5_000 })).toBe(server.version);
  });

  test('a URL that is none, and one where nobody answers, are refused', async () => {
    vi.stubEnv(variable, 'localhost:1');
    await expect(start('none')).rejects.toThrow(`${variable} is no URL of a`);
    const { protocol } = new URL(server.url);
    vi.stubEnv(variable, `${protocol}//guest:secret@127.0.0.1:1`);
    await expect(start('none')).rejects.toThrow(
      new RegExp(`^no \\S+ answers at 127\\.0\\.0\\.1:1, which ${variable} names: .*ECONNREFUSED`),
    );
  });

  test('a second one has its own data, and leaves nothing behind', async () => {
    const second = await start(`live-${name}-${line}`);
    const identity = identify(second.pid ?? 0);
    await write(second.url, ['other']);
    expect(await read(second.url)).toEqual(['other']);
    expect(await read(server.url)).toEqual(['first']);
    expect(existsSync(second.data ?? '')).toBe(true);
    await second[Symbol.asyncDispose]();
    expect(identity && isAlive(identity)).toBe(false);
    expect(existsSync(second.data ?? '')).toBe(false);
  });
});
