import { join } from 'node:path';
import { install } from '../install/install.ts';
import { openRun } from '../process/run.ts';
import { givenServer } from '../product.ts';
import { makeCertificates } from '../tls/certificates.ts';
import type { Broker, StartOptions } from './broker.ts';
import { externalBroker } from './external.ts';
import { rabbitmqProduct } from './lines.ts';
import { writeNode } from './node.ts';
import { ownBroker } from './own.ts';

/**
 * A RabbitMQ of the wanted line, ready to be used: the one at the URL in the environment
 * (`WAYBILL_RABBITMQ_URL`, `WAYBILL_RABBITMQ_310_URL`), else one of our own, installed when needed.
 * Throws when there is none to be had; it never skips.
 */
export async function startRabbitmq(options: StartOptions): Promise<Broker> {
  const given = await givenServer(rabbitmqProduct, options.line);
  return given ? externalBroker(options, given) : startOwn(options);
}

async function startOwn(options: StartOptions): Promise<Broker> {
  const installation = await install(rabbitmqProduct.recipe(options.line), options.onProgress);
  const run = await openRun(options.name ?? `rabbitmq-${options.line}`, 5);
  try {
    const [amqp, distribution, epmd, tls, management] = run.ports as [number, number, number, number, number];
    const node = writeNode({
      installation,
      directory: run.directory,
      ports: { amqp, distribution, epmd, ...(options.tls && { tls }), ...(options.management && { management }) },
      certificates: options.tls ? makeCertificates(join(run.directory, 'tls')) : undefined,
      configuration: options.configuration ?? {},
    });
    return await ownBroker(options.line, run, node);
  } catch (error) {
    run.remove();
    throw error;
  }
}
