import { TestbedError } from '../errors.ts';
import type { Broker, StartOptions } from './broker.ts';
import { withoutProcess } from '../product.ts';
import { rabbitmqProduct, type RabbitmqLine } from './lines.ts';
import type { Node } from './node.ts';
import { ownNode } from './own.ts';
import { startRabbitmq } from './start.ts';
import { surface } from './surface.ts';

/** What other processes must know to use a server of ours; they find it in their environment. */
interface SharedNode {
  readonly version: string;
  readonly node: Node;
}

function variable(line: RabbitmqLine): string {
  return `WAYBILL_TESTBED_SHARED_RABBITMQ_${line.replace('.', '_')}`;
}

/**
 * Starts a server that the processes which this one starts later use together, through `acquireRabbitmq`:
 * one for all test files, from a runner's global set-up. Dispose of it when they are done.
 */
export async function shareRabbitmq(options: StartOptions): Promise<AsyncDisposable> {
  const broker = await startRabbitmq(options);
  const node = ownNode(broker);
  if (node === undefined) return broker;
  const { version } = broker;
  process.env[variable(options.line)] = JSON.stringify({ version, node } satisfies SharedNode);
  return {
    async [Symbol.asyncDispose]() {
      delete process.env[variable(options.line)];
      await broker[Symbol.asyncDispose]();
    },
  };
}

/**
 * The shared server of this line, else one of our own as by `startRabbitmq`. With a shared one, `rabbitmqctl`,
 * users and alarms work; whatever would end it or hold it up for the others rejects.
 */
export async function acquireRabbitmq(options: StartOptions): Promise<Broker> {
  const { line } = options;
  const shared = process.env[variable(line)];
  if (process.env[rabbitmqProduct.urlVariables[line]] || !shared) return startRabbitmq(options);
  const { version, node } = JSON.parse(shared) as SharedNode;
  const missing = (['tls', 'management'] as const).find((part) => options[part] && node.ports[part] === undefined);
  if (missing !== undefined || options.configuration) {
    throw new TestbedError(
      `the shared RabbitMQ ${line} was started without ${missing ?? 'these settings'}; share it with them, or use startRabbitmq`,
    );
  }
  return { ...surface(node), line, version, ...withoutProcess(refuseShared) };
}

function refuseShared(wish: string): TestbedError {
  return new TestbedError(`cannot ${wish}: other test files share this server; use startRabbitmq for one of your own`);
}
