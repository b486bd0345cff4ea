import { join } from 'node:path';
import { TestbedError } from '../errors.ts';
import { openRun } from '../process/run.ts';
import type { Broker, StartOptions } from './broker.ts';
import { makeCertificates } from './certificates.ts';
import { ownBroker } from './own.ts';
import { externalBroker } from './external.ts';
import { installRabbitmq } from './install.ts';
import { rabbitmqLines, urlVariables } from './lines.ts';
import { writeNode } from './node.ts';

/**
 * A RabbitMQ of the wanted line, ready to be used: the one at the URL in the environment
 * (`WAYBILL_RABBITMQ_URL`, `WAYBILL_RABBITMQ_310_URL`), else one of our own, installed when needed.
 * Throws when there is none to be had; it never skips.
 */
export async function startRabbitmq(options: StartOptions): Promise<Broker> {
  const { line } = options;
  if (!rabbitmqLines.includes(line)) {
    throw new TestbedError(`no RabbitMQ line ${line} in the testbed; choose one of ${rabbitmqLines.join(', ')}`);
  }
  const url = process.env[urlVariables[line]];
  return url ? externalBroker(options, url) : startOwn(options);
}

async function startOwn(options: StartOptions): Promise<Broker> {
  const installation = await installRabbitmq(options.line, options.onProgress);
  const run = await openRun(options.name ?? `rabbitmq-${options.line}`, 5);
  try {
    const [amqp, distribution, epmd, tls, management] = run.ports as [number, number, number, number, number];
    const node = writeNode({
      installation,
      directory: run.directory,
      ports: { amqp, distribution, epmd, ...(options.tls && { tls }), ...(options.management && { management }) },
      certificates: options.tls ? await makeCertificates(installation.location, join(run.directory, 'tls')) : undefined,
      configuration: options.configuration ?? {},
    });
    return await ownBroker(options.line, run, node);
  } catch (error) {
    run.remove();
    throw error;
  }
}
