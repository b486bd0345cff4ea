import { expect, test, vi } from 'vitest';
import { rabbitmqLines, startRabbitmq, urlVariables } from '../../src/index.ts';
import { killFreshQueue } from '../programs/fresh-queue.ts';

for (const variable of Object.values(urlVariables)) vi.stubEnv(variable, undefined);

// A quorum queue is entered into a register (names.dets) that the server writes only after a quiet half second, so a
// SIGKILL within about a second of the declaration loses the queue's confirmed messages. What closes the gap is this:
test.each(rabbitmqLines)('RabbitMQ %s writes a fresh quorum queue down when another one is declared', async (line) => {
  await using broker = await startRabbitmq({ line, name: 'fresh-queue' });
  const outcome = await killFreshQueue(broker, { type: 'quorum', remedy: 'second-declare' });
  expect(outcome).toMatchObject({ confirmed: 100, found: 100 });
  expect(outcome.declaredToKillMs).toBeLessThan(900);
});
