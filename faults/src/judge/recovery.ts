import type { HistoryEvent } from '@waybill/conformance/history';

/** How long everybody needed after one SIGKILL of the broker. Milliseconds. */
export interface Recovery {
  readonly fault: string;
  /** From the kill to the open port. */
  readonly downMs: number;
  /** By consumer: from the open port to its new receiver. */
  readonly liveMs: ReadonlyMap<string, number>;
  /** By subscription: from the open port to the first handler that starts at a consumer which is back; none if nothing was waiting. */
  readonly firstDeliveryMs: ReadonlyMap<string, number>;
  /** From the kill to the first send that was confirmed afterwards, and the part of it after the port was open. */
  readonly sendsStalledMs: number | undefined;
  readonly sendsStalledAfterOpenMs: number | undefined;
}

interface Watch {
  readonly fault: string;
  readonly from: number;
  openAt: number;
  /** `process subscription`, of those that consumed at the kill and still lived when they were back. */
  readonly owed: Set<string>;
  readonly liveAt: Map<string, number>;
  readonly firstAt: Map<string, number>;
  confirmedAt: number | undefined;
}

/** Walks the history once. The kinds of fault that end the broker are those with scope `broker` that disconnect. */
export function recoveriesIn(history: Iterable<HistoryEvent>, kind: string | undefined): readonly Recovery[] {
  const consuming = new Set<string>();
  const watches: Watch[] = [];
  for (const event of history) {
    if (event.type === 'fault.begin' && event.kind === kind) watches.push(watchFrom(event.fault, event.at, consuming));
    if (event.type === 'subscribe.ready') consuming.add(`${event.process} ${event.subscription}`);
    if (event.type === 'subscribe.end') consuming.delete(`${event.process} ${event.subscription}`);
    if (event.type === 'process.exit') forget(event.exited, consuming, watches.at(-1));
    const latest = watches.at(-1);
    if (latest) follow(latest, event);
  }
  return watches.map(recoveryOf);
}

function watchFrom(fault: string, from: number, consuming: ReadonlySet<string>): Watch {
  return {
    fault,
    from,
    openAt: Infinity,
    owed: new Set(consuming),
    liveAt: new Map(),
    firstAt: new Map(),
    confirmedAt: undefined,
  };
}

function forget(exited: string, consuming: Set<string>, watch: Watch | undefined): void {
  for (const consumer of consuming) {
    if (!consumer.startsWith(`${exited} `)) continue;
    consuming.delete(consumer);
    if (watch && !watch.liveAt.has(consumer)) watch.owed.delete(consumer);
  }
}

function follow(watch: Watch, event: HistoryEvent): void {
  if (event.type === 'fault.healed' && event.fault === watch.fault) watch.openAt = event.at;
  if (event.at < watch.openAt) return;
  if (event.type === 'publish.ok') watch.confirmedAt ??= event.at;
  if (event.type !== 'subscribe.ready' && event.type !== 'deliver') return;
  const consumer = `${event.process} ${event.subscription}`;
  if (event.type === 'subscribe.ready') setOnce(watch.liveAt, consumer, event.at);
  else if (watch.liveAt.has(consumer)) setOnce(watch.firstAt, event.subscription, event.at);
}

function setOnce(map: Map<string, number>, name: string, value: number): void {
  if (!map.has(name)) map.set(name, value);
}

function recoveryOf({ fault, from, openAt, owed, liveAt, firstAt, confirmedAt }: Watch): Recovery {
  const live = [...owed].map((consumer): [string, number] => [consumer, (liveAt.get(consumer) ?? Infinity) - openAt]);
  return {
    fault,
    downMs: openAt - from,
    liveMs: new Map(live),
    firstDeliveryMs: new Map([...firstAt].map(([subscription, at]) => [subscription, at - openAt])),
    sendsStalledMs: confirmedAt === undefined ? undefined : confirmedAt - from,
    sendsStalledAfterOpenMs: confirmedAt === undefined ? undefined : confirmedAt - openAt,
  };
}
