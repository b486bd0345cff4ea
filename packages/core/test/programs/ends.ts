import { connect, fixed, queue, stream, type } from '../../src/index.ts';
import { memoryBroker } from '@waybill/in-memory';

/** Uses a bus on the time of the process, closes it, and tells what Node still waits for. */
const jobs = queue('jobs', {
  schema: type<number>(),
  needs: { delay: true, order: 'none' },
  retry: { attempts: 5, backoff: fixed(60_000) },
});
const ordered = queue('ordered', {
  schema: type<number>(),
  needs: { order: 'key' },
  key: String,
  retry: { backoff: fixed(60_000) },
});
const log = stream('log', { schema: type<number>(), needs: { group: true } });

const before = process.getActiveResourcesInfo();
const bus = await connect(memoryBroker().driver(), { jobs, ordered, log }, { observe: () => {} });
let runs = 0;
const ran = new Promise<void>((resolve) => {
  const fail = (): never => {
    if (++runs === 3) resolve();
    throw new Error('again');
  };
  void Promise.all([
    bus.jobs.consume(fail, { handlerTimeoutMs: 60_000 }),
    bus.ordered.consume(fail),
    bus.log.consume(fail, { group: 'g', drainMs: 100 }),
  ]);
});
await Promise.all([bus.jobs.send(1), bus.ordered.send(1), bus.log.append(1)]);
await bus.jobs.send(2, { delayMs: 60_000 });
await ran;
await bus.close();
const closedAt = performance.now();
const after = process.getActiveResourcesInfo().filter((resource) => !before.includes(resource));
process.on('exit', () => {
  process.stdout.write(JSON.stringify({ before, after, endedWithinMs: Math.round(performance.now() - closedAt) }));
});
