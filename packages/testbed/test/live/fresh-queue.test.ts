import { expect, test } from 'vitest';
import { ignoreGivenServers } from './support.ts';
import { rabbitmqLines, startRabbitmq } from '../../src/index.ts';
import { killFreshQueue } from '../programs/fresh-queue.ts';

ignoreGivenServers();

// A SIGKILL soon after a declaration loses what clients were told is safe. Quorum queues are entered into a register
// (names.dets) that both lines write only after a quiet half second; and 3.10 sometimes writes the end of a declaration's
// transaction, of whatever kind, up to two seconds late. What closes both gaps is one more declaration of a quorum queue.
test.each(rabbitmqLines)('RabbitMQ %s has a fresh quorum queue on disk once another one is declared', async (line) => {
  await using broker = await startRabbitmq({ line, name: 'fresh-queue' });
  const outcome = await killFreshQueue(broker, { type: 'quorum', remedy: 'second-declare' });
  expect(outcome).toMatchObject({ confirmed: 100, found: 100 });
  expect(outcome.declaredToKillMs).toBeLessThan(900);
});
