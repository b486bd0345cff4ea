import { openHistory } from '../../src/history/index.ts';

/** Records a thousand publishes and dies in the same turn, with nothing closed or flushed. */
const writer = openHistory({ directory: process.argv[2]!, run: 'run', process: 'child' });
process.send?.('recording', () => {
  for (let index = 0; index < 1_000; index += 1)
    writer.record({ type: 'publish.invoke', message: `m${index}`, destination: 'orders' });
  process.kill(process.pid, 'SIGKILL');
});
