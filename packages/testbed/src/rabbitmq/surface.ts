import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../install/command.ts';
import type { ServerTls } from '../server.ts';
import type { Broker, User } from './broker.ts';
import type { Node } from './node.ts';

/** What any process that can read the files of a node can do with it: where it listens, and `rabbitmqctl`. */
export type Surface = Pick<
  Broker,
  'url' | 'port' | 'ports' | 'log' | 'data' | 'tls' | 'managementUrl' | 'control' | 'addUser' | 'setAlarm'
>;

export function surface(node: Node): Surface {
  const { amqp, tls, management } = node.ports;
  const control = controlOf(node);
  return {
    url: `amqp://guest:guest@127.0.0.1:${amqp}`,
    port: amqp,
    ports: { amqp, ...(tls && { tls }), ...(management && { management }) },
    log: node.log,
    data: join(node.directory, 'data'),
    tls: tls === undefined ? undefined : tlsOf(tls, join(node.directory, 'tls/authority.pem')),
    managementUrl: management === undefined ? undefined : `http://127.0.0.1:${management}`,
    control,
    async addUser(user) {
      await addUser(control, user);
      return `amqp://${encodeURIComponent(user.name)}:${encodeURIComponent(user.password)}@127.0.0.1:${amqp}`;
    },
    async setAlarm(resource, state) {
      await control(...alarmCommands[resource][state]);
    },
  };
}

function controlOf({ tree, environment }: Node): Broker['control'] {
  const program = join(tree, 'usr/lib/rabbitmq/bin/rabbitmqctl');
  return async (...commandArguments) =>
    runCommand(program, ['--quiet', ...commandArguments], { environment, timeoutMs: 60_000 });
}

function tlsOf(port: number, authorityFile: string): ServerTls {
  return {
    url: `amqps://guest:guest@localhost:${port}`,
    mismatchedUrl: `amqps://guest:guest@127.0.0.1:${port}`,
    authority: readFileSync(authorityFile, 'utf8'),
  };
}

async function addUser(
  control: Broker['control'],
  { name, password, configure = '.*', write = '.*', read = '.*' }: User,
): Promise<void> {
  await control('add_user', name, password);
  await control('set_permissions', '-p', '/', name, configure, write, read);
}

/** "Off" is the default of the server. The disk limit takes plain bytes only. */
const alarmCommands = {
  memory: { on: ['set_vm_memory_high_watermark', '0'], off: ['set_vm_memory_high_watermark', '0.6'] },
  disk: { on: ['set_disk_free_limit', '9000000000000'], off: ['set_disk_free_limit', '50000000'] },
} as const;
