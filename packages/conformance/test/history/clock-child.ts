import { alignWithParent, openHistory } from '../../src/history/index.ts';

/** Its clock began when it started: what it records must still fall between what its parent did before and after. */
const clock = await alignWithParent();
const writer = openHistory({ directory: process.argv[2]!, run: 'run', process: 'child', clock });
process.send?.(clock);
process.on('message', (message) => {
  if (message !== 'record') return;
  writer.record({ type: 'drain.begin' });
  writer.close();
  process.disconnect();
});
