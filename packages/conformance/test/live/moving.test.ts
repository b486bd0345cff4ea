import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Bus, connect, queue, stream, topic, type } from '@waybill/core';
import { startKafka, startRabbitmq, waitFor } from '@waybill/testbed';
import { afterAll, beforeAll, expect, test } from 'vitest';

/** An application, which does not know its broker: only the file that it reads at start-up does. */
const destinations = {
  orders: queue('moving-orders', {
    schema: type<{ readonly id: number }>(),
    needs: { order: 'key' },
    key: ({ id }) => `customer-${id % 7}`,
  }),
  receipts: topic('moving-receipts', { schema: type<{ readonly order: number }>() }),
  journal: stream('moving-journal', { schema: type<{ readonly order: number }>() }),
};
type Application = Bus<typeof destinations>;

const start = (configuration: URL): Promise<Application> => connect(configuration, destinations);

const place = (bus: Application, first: number, count: number): Promise<void> =>
  bus.orders.sendMany(Array.from({ length: count }, (_, index) => ({ id: first + index })));

/** Handles orders until it is told to stop; every order is receipted and written down. */
async function work(bus: Application, handled: number[], most = Infinity) {
  return bus.orders.consume(
    async ({ id }) => {
      if (handled.length >= most) await new Promise(() => undefined);
      await bus.receipts.publish({ order: id });
      await bus.journal.append({ order: id });
      handled.push(id);
    },
    { concurrency: 4, drainMs: 100 },
  );
}

let rabbitmq: Awaited<ReturnType<typeof startRabbitmq>>;
let kafka: Awaited<ReturnType<typeof startKafka>>;
let directory: string;

beforeAll(async () => {
  // An application finds its adapters from where it runs.
  process.chdir(fileURLToPath(new URL('../..', import.meta.url)));
  [rabbitmq, kafka] = await Promise.all([
    startRabbitmq({ line: '4.3', name: 'moving-rabbitmq' }),
    startKafka({ line: '4.3', name: 'moving-kafka' }),
  ]);
  directory = await mkdtemp(join(tmpdir(), 'waybill-moving-'));
});
afterAll(async () => {
  await rabbitmq[Symbol.asyncDispose]();
  await kafka[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

test('an application with a backlog moves from RabbitMQ to Kafka by its configuration', async () => {
  const file = join(directory, 'waybill.json');
  const configured = (broker: string): URL => {
    writeFileSync(file, JSON.stringify({ default: broker }));
    return pathToFileURL(file);
  };
  const handled: number[] = [];

  // On RabbitMQ: 500 orders, of which 200 are handled when it is stopped.
  await using old = await start(configured(rabbitmq.url));
  await place(old, 0, 500);
  const before = await work(old, handled, 200);
  await waitFor('200 orders to be handled', () => handled.length >= 200 || undefined);
  await before.close();

  // The file changes. New orders go to Kafka; what is left on RabbitMQ is worked off by the same code, under the old file.
  await using moved = await start(configured(kafka.url));
  await place(moved, 500, 500);
  await using _left = await work(old, handled);
  await using _new = await work(moved, handled);
  await waitFor('1,000 orders to be handled', () => new Set(handled).size === 1000 || undefined, { timeoutMs: 30_000 });

  expect([...new Set(handled)].toSorted((one, other) => one - other)).toEqual([...Array(1000).keys()]);
  const journals = await Promise.all([readAll(old), readAll(moved)]);
  expect(new Set(journals.flat()).size).toBe(1000);
  expect(journals[1]?.every((id) => id >= 500)).toBe(true);
  await waitFor('nothing to be left on RabbitMQ', async () => (await old.orders.depth()).ready === 0 || undefined);
});

async function readAll(bus: Application): Promise<readonly number[]> {
  const found: number[] = [];
  const reader = bus.journal.read({ from: 'earliest', idleMs: 1_000 });
  for await (const { value } of reader) found.push(value.order);
  return found;
}
