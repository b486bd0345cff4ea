import { join } from 'node:path';
import { TestbedError } from './errors.ts';
import { runCommand } from './install/command.ts';

/** Of this machine: `JAVA_HOME`, else the one on the path. Kafka 4 needs 17 or newer. */
export function javaProgram(): string {
  const home = process.env['JAVA_HOME'];
  return home ? join(home, 'bin/java') : 'java';
}

/** Rejects when there is none, or one that is too old for Kafka. */
export async function javaVersion(): Promise<number> {
  const settings = await runCommand(javaProgram(), ['--version']);
  const version = Number(/^\S+ (\d+)/.exec(settings)?.[1]);
  if (version >= 17) return version;
  throw new TestbedError(`${javaProgram()} is Java ${version}, but Kafka needs 17 or newer`);
}

export function javaArguments(libraries: string, maximumHeapMegabytes: number): string[] {
  return [
    ...[`-Xmx${maximumHeapMegabytes}m`, '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
    '-Djava.net.preferIPv4Stack=true',
    '-Dorg.slf4j.simpleLogger.showDateTime=true',
    '-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS',
    ...['-cp', join(libraries, '*')],
  ];
}

/** A fixed environment: what the caller has set for servers of its own must not leak in. */
export const javaEnvironment: NodeJS.ProcessEnv = {
  LANG: 'C.UTF-8',
  ...(process.env['PATH'] && { PATH: process.env['PATH'] }),
};
