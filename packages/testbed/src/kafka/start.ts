import { randomBytes } from 'node:crypto';
import { firstAddress } from '../addresses.ts';
import { install } from '../install/install.ts';
import { openRun } from '../process/run.ts';
import { givenServer, withoutProcess, type Given } from '../product.ts';
import type { Kafka, KafkaOptions } from './kafka.ts';
import { kafkaProduct } from './lines.ts';
import { portCount } from './listeners.ts';
import { writeKafkaNode } from './node.ts';
import { ownKafka } from './own.ts';
import { Ways } from './ways.ts';

/**
 * A Kafka of the wanted line, ready to be used: the one at the URL in the environment (`WAYBILL_KAFKA_URL`), else one
 * of our own, installed when needed. Throws when there is none to be had; it never skips.
 */
export async function startKafka(options: KafkaOptions): Promise<Kafka> {
  const given = await givenServer(kafkaProduct, options.line);
  return given ? externalKafka(options, given) : startOwn(options);
}

/** As `kafka-storage.sh random-uuid` makes one: none begins with a dash, which would look like an option. */
export function newClusterId(): string {
  return randomBytes(16).toString('base64url').replace(/^-/, 'A');
}

async function startOwn(options: KafkaOptions): Promise<Kafka> {
  const installation = await install(kafkaProduct.recipe(options.line), options.onProgress);
  const run = await openRun(options.name ?? `kafka-${options.line}`, portCount(options));
  try {
    const node = await writeKafkaNode(installation, run, options, { clusterId: newClusterId(), members: [run] });
    const broker = await ownKafka(node);
    const ways = new Ways([node]);
    const end = broker[Symbol.asyncDispose].bind(broker);
    return Object.assign(broker, {
      openWay: async () => ways.open(),
      async [Symbol.asyncDispose]() {
        await ways.closeAll();
        await end();
      },
    });
  } catch (error) {
    run.remove();
    throw error;
  }
}

function externalKafka(options: KafkaOptions, { url, version, refuse }: Given): Kafka {
  const { line, tls, user, ways, configuration } = options;
  if (tls || user || ways || configuration) throw refuse('set up TLS, a user, ways or settings');
  return {
    ...{ url, line, version, port: Number(firstAddress(url)?.port || 9092) },
    ...{ log: undefined, data: undefined, tls: undefined },
    ...withoutProcess(refuse),
    control: () => Promise.reject(refuse("run Kafka's tools on it")),
    openWay: () => Promise.reject(refuse('open a way through proxies to it')),
  };
}
