import { startRabbitmq } from '@waybill/testbed';
import { RabbitmqGround } from './harness/rabbitmq-field.ts';
import type { Row } from './harness/row.ts';
import { type Launch, runArm } from './harness/run-arm.ts';
import type { BrokerName, Size } from './harness/size.ts';
import { memoryRows } from './memory-rows.ts';
import { rabbitmqRows } from './rabbitmq-rows.ts';

/** A broker that is ready, and what is measured on it. */
export interface Ground extends AsyncDisposable {
  /** Name and version, as in the report. */
  readonly description: string;
  readonly rows: readonly Row[];
}

export function openGround(broker: BrokerName, size: Size, launch: Launch): Promise<Ground> {
  return broker === 'memory' ? memoryGround(size) : rabbitmqGround(size, launch);
}

async function memoryGround(size: Size): Promise<Ground> {
  return { description: 'in memory', rows: memoryRows(size), [Symbol.asyncDispose]: async () => undefined };
}

async function rabbitmqGround(size: Size, launch: Launch): Promise<Ground> {
  const server = await startRabbitmq({ line: '4.3', name: 'benchmarks', onProgress: (text) => console.error(text) });
  const ground = await RabbitmqGround.open(server.url);
  const endToEndPerSecond = await calibrate(ground, launch, size);
  return {
    description: `RabbitMQ ${server.version}, one node, ${server.controls === 'none' ? 'external' : 'on this machine'}`,
    rows: rabbitmqRows(size, ground, { endToEndPerSecond }),
    async [Symbol.asyncDispose]() {
      await ground.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** How fast the tuned raw client is when it publishes and consumes at once: half of that is the load of the latency rows. */
async function calibrate(ground: RabbitmqGround, launch: Launch, { messages }: Size): Promise<number> {
  const field = await ground.filled(0);
  const settings = { ...field.settings, style: 'tuned', prefetch: 200, window: 256, rate: 0 };
  const measured = await runArm(launch, {
    program: 'rabbitmq/end-to-end-raw',
    warmUp: messages >> 2,
    messages,
    settings,
  });
  await field.remove();
  return (measured.messages / measured.elapsedMs) * 1000;
}
