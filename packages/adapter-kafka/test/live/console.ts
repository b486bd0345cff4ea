import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { testbedDirectory } from '@waybill/testbed';

/** Kafka's console programs, which read and write lines; the testbed has installed them with the broker. */
const classes = {
  producer: 'org.apache.kafka.tools.ConsoleProducer',
  consumer: 'org.apache.kafka.tools.consumer.ConsoleConsumer',
  features: 'org.apache.kafka.tools.FeatureCommand',
} as const;

/** Runs one to its end, within half a minute, and returns what it printed. */
export async function runConsole(
  program: keyof typeof classes,
  url: string,
  given: readonly string[],
  input = '',
): Promise<string> {
  const libraries = join(testbedDirectory(), 'installed', 'kafka-4.3', 'lib', '*');
  const address = ['--bootstrap-server', new URL(url).host];
  const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=error';
  const child = spawn('java', ['-Xmx128m', quiet, '-cp', libraries, classes[program], ...address, ...given], {
    timeout: 30_000,
    env: { ...process.env, LANG: 'C.UTF-8' },
  });
  const printed = { out: '', error: '' };
  child.stdout.on('data', (text) => (printed.out += String(text)));
  child.stderr.on('data', (text) => (printed.error += String(text)));
  child.stdin.end(input);
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(`the console ${program} ended with ${String(code)}: ${printed.error}`);
  return printed.out;
}
