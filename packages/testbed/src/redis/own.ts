import { urlOf } from '../addresses.ts';
import { runCommand } from '../install/command.ts';
import { ownServer } from '../process/own.ts';
import type { ServerTls } from '../server.ts';
import { rulesOf, type RedisNode } from './node.ts';
import { probeRedis } from './probe.ts';
import type { Redis } from './redis.ts';

export async function ownRedis(node: RedisNode): Promise<Redis> {
  const { run, line, log, data, port } = node;
  const url = urlOf('redis', `127.0.0.1:${port}`, node.user);
  const tls = tlsOf(node);
  const control = controlOf(node);
  const server = await ownServer({
    product: 'Redis',
    run,
    server: {
      command: node.server,
      arguments: [node.configurationFile],
      environment: { LANG: 'C.UTF-8' },
      directory: run.directory,
      logFile: `${log}.output`,
    },
    probe: async () => {
      if (tls) await probeRedis(tls.url, { timeoutMs: 1_000, authority: tls.authority });
      return probeRedis(url, { timeoutMs: 1_000 });
    },
    startTimeoutMs: 30_000,
    logs: [log, `${log}.output`],
  });
  return Object.assign(server, {
    ...{ url, line, port, log, data, tls, control },
    async addUser(user: Parameters<Redis['addUser']>[0]) {
      await control('ACL', 'SETUSER', user.name, ...rulesOf(user));
      await control('ACL', 'SAVE');
      return urlOf('redis', `127.0.0.1:${port}`, user);
    },
  });
}

function tlsOf({ tls, user }: RedisNode): ServerTls | undefined {
  if (tls === undefined) return undefined;
  return {
    url: urlOf('rediss', `localhost:${tls.port}`, user),
    mismatchedUrl: urlOf('rediss', `127.0.0.1:${tls.port}`, user),
    authority: tls.certificates.authority,
  };
}

function controlOf({ client, port, user }: RedisNode): Redis['control'] {
  const login = user === undefined ? [] : ['--user', user.name];
  // The password stays out of the list of processes; -e makes an error of the server one of the program.
  const environment = { LANG: 'C.UTF-8', ...(user && { REDISCLI_AUTH: user.password }) };
  const address = ['-e', '-h', '127.0.0.1', '-p', `${port}`, '--no-auth-warning', ...login];
  return async (...commandArguments) =>
    runCommand(client, [...address, ...commandArguments], { environment, timeoutMs: 30_000 });
}
