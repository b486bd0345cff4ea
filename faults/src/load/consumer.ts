import { setTimeout as pause } from 'node:timers/promises';
import type { HistoryWriter } from '@waybill/conformance/history';
import type { Consumer, Delivery } from '@waybill/core';
import type { Body } from './body.ts';
import { leaseMs, type Place, subscriptionsOf, subscriptionsOfNews } from './destinations.ts';
import type { LoadBus } from './load-bus.ts';
import { DeliveryRecorder } from './recorder.ts';
import { readLog } from './reader.ts';

/** Where a consumer process may be made to die. */
export const deathPoints = ['handling', 'handled', 'settled', 'anywhere'] as const;
export type DeathPoint = (typeof deathPoints)[number];

export interface ConsumerSetup {
  readonly bus: LoadBus;
  readonly history: HistoryWriter;
  /** Names the stream reader; its positions are kept in `positionsFile`. */
  readonly reader: string;
  readonly positionsFile: string;
  /** Called at each point that a delivery passes. */
  readonly passing: (point: DeathPoint) => void;
}

export interface RunningConsumer {
  /** Handlers end, what is held goes back, positions are stored. */
  stop(): Promise<void>;
}

/** Consumes everything that there is: both queues, both subscriptions, and the stream. */
export async function startConsumer(setup: ConsumerSetup): Promise<RunningConsumer> {
  const { bus, history } = setup;
  const recorder = new DeliveryRecorder(history);
  const reader = bus.log && readLog({ ...setup, log: bus.log, recorder });
  const consumers = await Promise.all(consumersOf(setup, recorder));
  return {
    async stop() {
      for (const subscription of subscriptionsOf(bus.places)) history.record({ type: 'subscribe.end', subscription });
      await Promise.all([...consumers.map((consumer) => consumer.close()), reader?.stop()]);
    },
  };
}

function consumersOf(setup: ConsumerSetup, recorder: DeliveryRecorder): readonly Promise<Consumer>[] {
  const { work, keyed, news } = setup.bus;
  const handlerOf = (place: Place, subscription: string) => (body: Body, delivery: Delivery<Body>) =>
    run(setup, recorder, place, subscription, body, delivery);
  return [
    ...(work ? [work.consume(handlerOf('work', 'work'), { leaseMs })] : []),
    ...(keyed ? [keyed.consume(handlerOf('keyed', 'keyed'), { leaseMs })] : []),
    ...subscriptionsOfNews.flatMap((subscription) =>
      news ? [news.subscribe(handlerOf('news', `news/${subscription}`), { subscription, leaseMs })] : [],
    ),
  ];
}

/** One handler run: records it, takes its time, and fails as often as the message says. */
async function run(
  { passing, history }: ConsumerSetup,
  recorder: DeliveryRecorder,
  place: Place,
  subscription: string,
  body: Body,
  delivery: Delivery<Body>,
): Promise<void> {
  const { attempt, redelivered } = delivery;
  const id = recorder.begin(place, subscription, delivery, { attempt, redelivered });
  passing('handling');
  if (body.sequence % 8 === 0) await pause(body.sequence % 5);
  if (attempt <= body.failures) {
    recorder.end(id, 'error');
    throw new Error(`run ${attempt} of ${body.id} fails on purpose`);
  }
  recorder.end(id, 'ok');
  passing('handled');
  // One subscription settles by hand, so that its settlements are in the history too.
  if (subscription === 'news/mail') await accept(history, id, delivery);
  passing('settled');
}

async function accept(history: HistoryWriter, id: string, delivery: Delivery<Body>): Promise<void> {
  history.record({ type: 'settle.invoke', delivery: id, settlement: 'accept' });
  const settled = await delivery.accept();
  history.record({ type: settled === 'settled' ? 'settle.ok' : 'settle.lost', delivery: id, settlement: 'accept' });
}
