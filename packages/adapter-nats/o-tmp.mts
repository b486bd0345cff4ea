import { connect, queue, type } from '@waybill/core';
import { nats } from '@waybill/adapter-nats';
await using bus = await connect(nats('nats://127.0.0.1:' + process.argv[2]), {
  jobs: queue('q' + Date.now(), { schema: type<{ n: number }>() }),
});
await bus.jobs.sendMany(Array.from({ length: 10 }, (_, n) => ({ n: n + 1 })));
const deliveries = await bus.jobs.receive({ concurrency: 10, maxInFlight: 10 });
const held = [];
const it = deliveries[Symbol.asyncIterator]();
while (held.length < 10) held.push((await it.next()).value);
console.log(
  'held',
  held.map(({ value, native }) => value.n + ' ' + (native as any).reply),
);
await Promise.all(held.slice(0, 3).map((d) => d.accept()));
await deliveries.close();
await bus.jobs.consume((v, d) => {
  console.log(v.n, (d.native as any).reply, (d.native as any).string(), d.attempt);
});
await new Promise((r) => setTimeout(r, 2000));
