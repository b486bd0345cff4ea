import {
  historyOf,
  type Deliver,
  type History,
  type HistoryEvent,
  type PublishInvoke,
  type Recordable,
  type SettlementKind,
} from '../../src/history/index.ts';

/** How far the clocks of two different processes of a story may be apart: this much each. */
const UNCERTAINTY_MS = 0.05;

/** Tells a history event by event, ten milliseconds apart; defaults make the smallest histories short. */
export interface Story {
  /** Lets time pass. */
  wait(ms: number): Story;
  event(process: string, event: Recordable): Story;
  ready(
    subscription?: string,
    process?: string,
    more?: Partial<Extract<Recordable, { type: 'subscribe.ready' }>>,
  ): Story;
  invoke(message: string, more?: Partial<PublishInvoke>, process?: string): Story;
  /** Invoke and confirm. */
  publish(message: string, more?: Partial<PublishInvoke>, process?: string): Story;
  /** A handler starts; its delivery id is returned by `last`. */
  deliver(message: string, more?: Partial<Deliver>, process?: string): Story;
  /** The handler of the latest delivery of the message ends. */
  handled(message: string, outcome?: 'ok' | 'error'): Story;
  settle(message: string, settlement: SettlementKind, outcome?: 'ok' | 'lost' | 'failed' | 'open'): Story;
  /** Deliver, handle, accept. */
  consume(message: string, more?: Partial<Deliver>, process?: string): Story;
  /** Deliver, fail, release. */
  fail(message: string, more?: Partial<Deliver>, process?: string): Story;
  drained(depth?: number | null): Story;
  history(): History;
}

interface Latest {
  readonly delivery: number;
  readonly process: string;
}

export function story(): Story {
  const events: HistoryEvent[] = [];
  const known = new Set<string>();
  const latest = new Map<string, Latest>();
  let at = 0;
  let deliveries = 0;
  const add = (process: string, event: Recordable): void => {
    if (!known.has(process)) {
      known.add(process);
      events.push({
        type: 'header',
        version: 1,
        run: 'story',
        process,
        at,
        offsetMs: 0,
        uncertaintyMs: process === 'parent' ? 0 : UNCERTAINTY_MS,
      });
    }
    at += 10;
    events.push({ ...event, process, at });
  };
  const holding = (message: string): Latest => latest.get(message) ?? { delivery: -1, process: 'consumer' };
  const self: Story = {
    wait: (ms) => ((at += ms), self),
    event: (process, event) => (add(process, event), self),
    ready: (subscription = 'orders', process = 'consumer', more = {}) =>
      self.event(process, { type: 'subscribe.ready', subscription, destination: 'orders', ...more }),
    invoke: (message, more = {}, process = 'producer') =>
      self.event(process, { type: 'publish.invoke', message, destination: 'orders', ...more }),
    publish: (message, more = {}, process = 'producer') =>
      self.invoke(message, more, process).event(process, { type: 'publish.ok', message }),
    deliver(message, more = {}, process = 'consumer') {
      deliveries += 1;
      latest.set(message, { delivery: deliveries, process });
      return self.event(process, { type: 'deliver', delivery: deliveries, message, subscription: 'orders', ...more });
    },
    handled(message, outcome = 'ok') {
      const { delivery, process } = holding(message);
      return self.event(process, { type: 'handled', delivery, outcome });
    },
    settle(message, settlement, outcome = 'ok') {
      const { delivery, process } = holding(message);
      self.event(process, { type: 'settle.invoke', delivery, settlement });
      return outcome === 'open' ? self : self.event(process, { type: `settle.${outcome}`, delivery, settlement });
    },
    consume: (message, more, process) =>
      self.deliver(message, more, process).handled(message).settle(message, 'accept'),
    fail: (message, more, process) =>
      self.deliver(message, more, process).handled(message, 'error').settle(message, 'release'),
    drained: (depth = 0) => self.event('parent', { type: 'drain.end', depth }),
    history: () => historyOf(events),
  };
  return self;
}
