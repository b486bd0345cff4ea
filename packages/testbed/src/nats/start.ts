import { install } from '../install/install.ts';
import { openRun } from '../process/run.ts';
import { givenServer, withoutProcess, type Given } from '../product.ts';
import { natsProduct } from './lines.ts';
import type { Nats, NatsOptions } from './nats.ts';
import { writeNatsNode } from './node.ts';
import { ownNats } from './own.ts';

/**
 * A NATS server of the wanted line with JetStream, ready to be used: the one at the URL in the environment
 * (`WAYBILL_NATS_URL`, `WAYBILL_NATS_29_URL`), else one of our own, installed when needed. Throws when there is none to
 * be had; it never skips.
 */
export async function startNats(options: NatsOptions): Promise<Nats> {
  const given = await givenServer(natsProduct, options.line);
  return given ? externalNats(options, given) : startOwn(options);
}

async function startOwn(options: NatsOptions): Promise<Nats> {
  const installation = await install(natsProduct.recipe(options.line), options.onProgress);
  const run = await openRun(options.name ?? `nats-${options.line}`, options.takesLeaves ? 3 : 2);
  try {
    return await ownNats(writeNatsNode(installation, run, options));
  } catch (error) {
    run.remove();
    throw error;
  }
}

function externalNats(options: NatsOptions, { url, version, refuse }: Given): Nats {
  const { line, tls, user, takesLeaves, configuration } = options;
  if (tls || user || takesLeaves || configuration) throw refuse('set up TLS, a user, leaves or settings');
  return {
    ...{ url, line, version, port: Number(new URL(url).port || 4222) },
    ...{ log: undefined, data: undefined, tls: undefined, leafUrl: undefined },
    ...withoutProcess(refuse),
    monitor: () => Promise.reject(refuse('ask its monitoring interface')),
  };
}
