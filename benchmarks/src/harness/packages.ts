import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BrokerName } from './size.ts';

/** The stock clients of each broker: what the raw arms load, and the adapters too. */
export const clientsOf: Readonly<Record<BrokerName, readonly string[]>> = {
  memory: [],
  rabbitmq: ['amqplib'],
  redis: ['ioredis'],
  nats: ['@nats-io/jetstream', '@nats-io/transport-node'],
  kafka: ['@platformatic/kafka', 'kafkajs'],
};
export const allClients = Object.values(clientsOf).flat();

/** Where a dependency of the benchmarks is installed: the nearest directory above its entry that has its manifest. */
export function directoryOf(packageName: string): string {
  let directory = dirname(fileURLToPath(import.meta.resolve(packageName)));
  while (!isRootOf(directory, packageName)) {
    if (dirname(directory) === directory) throw new Error(`There is no manifest of ${packageName} above its entry`);
    directory = dirname(directory);
  }
  return directory;
}

function isRootOf(directory: string, packageName: string): boolean {
  const file = join(directory, 'package.json');
  return (
    existsSync(file) && (JSON.parse(readFileSync(file, 'utf8')) as { readonly name?: string }).name === packageName
  );
}

export function versionOf(packageName: string): string {
  const manifest = readFileSync(join(directoryOf(packageName), 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { readonly version: string }).version;
}
