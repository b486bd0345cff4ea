// Passes the point "counted" ten times a turn, for ever or as often as the first argument says.
import { failpoint } from '@waybill/testbed/child';

const limit = Number(process.argv[2] ?? Number.POSITIVE_INFINITY);
await failpoint('ready', { limit: Number.isFinite(limit) ? limit : 'none' });
for (let count = 1; count <= limit; count++) {
  await failpoint('counted', { count });
  if (count % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
}
console.log('done counting');
