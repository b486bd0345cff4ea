// Moves every record of a stream into another one, a transaction for each pull, until it is killed.
// Arguments: URL, the stream to read, its group, the stream to write, and the session timeout in milliseconds.
import { setTimeout as pause } from 'node:timers/promises';
import { kafka } from '@waybill/adapter-kafka';
import type { Lane, Link, Positioned, PositionReceiver } from '@waybill/core/driver';
import { failpoint } from '@waybill/testbed/child';

const [, , url = '', from = '', group = '', to = '', sessionTimeoutMs = '6000'] = process.argv;
const driver = kafka({ url, sessionTimeoutMs: Number(sessionTimeoutMs), transactionTimeoutMs: 3000 });
const { signal } = new AbortController();
const target = { kind: 'stream', name: to, order: 'none' } as const;
let copied = 0;

for (;;) {
  try {
    await session();
  } catch (error) {
    console.log(String(error));
    await pause(300);
  }
}

async function session(): Promise<void> {
  const link: Link = await driver.connect({ signal, onBlocked: () => {} });
  try {
    const source = { kind: 'stream', name: from, order: 'none', group, from: 'earliest' } as const;
    const options = { signal, delivery: 'at-least-once', maxInFlight: 100, leaseMs: 0 } as const;
    await work((await link.receive(source, options)) as PositionReceiver);
  } finally {
    await link.close();
  }
}

/** Until the receiver fails. One transaction at a time, and nothing of a lane that is being given up. */
async function work(receiver: PositionReceiver): Promise<void> {
  const lanes = new Set<Lane<Positioned>>();
  let turn: Promise<void> = Promise.resolve();
  const leave = (left: readonly Lane<Positioned>[]): void => left.forEach((lane) => lanes.delete(lane));
  const failed = new Promise<never>((_, reject) => {
    void receiver.closed.then(reject);
    receiver.start({
      granted(granted) {
        void failpoint('granted');
        for (const lane of granted) {
          lanes.add(lane);
          void follow(lane).catch(reject);
        }
      },
      async revoking(leaving) {
        leave(leaving);
        await turn;
      },
      ended: leave,
    });
  });
  async function follow(lane: Lane<Positioned>): Promise<void> {
    while (lanes.has(lane)) {
      const records = await lane.pull(25, signal);
      turn = turn.then(() => (lanes.has(lane) && records.length > 0 ? copy(receiver, lane, records) : undefined));
      await turn;
    }
  }
  await failed;
}

async function copy(receiver: PositionReceiver, lane: Lane<Positioned>, records: readonly Positioned[]): Promise<void> {
  const outputs = records.map(({ id = '', body }) => ({
    target,
    message: {
      id: `out-${id}`,
      sendId: `out-${id}`,
      key: id,
      body,
      contentType: 'application/json',
      sentAt: Date.now(),
      headers: {},
    },
  }));
  for (;;) {
    const transacted = await receiver.transact!(outputs, [{ lane, through: records.at(-1)!.position }]);
    if (transacted.outcome === 'committed') break;
    console.log(transacted.outcome, String(transacted.error));
    if (transacted.outcome !== 'aborted') throw transacted.error;
    await pause(100);
  }
  copied += records.length;
  await failpoint('copied', { copied });
}
