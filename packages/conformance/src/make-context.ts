import { type BusEvent, type BusOptions, connect, type Destinations, type Driver } from '@waybill/core';
import type { Capabilities, Link } from '@waybill/core/driver';
import type { Case } from './case.ts';
import { startChild } from './child/parent.ts';
import { hasControl } from './applies.ts';
import { Cleanup } from './cleanup.ts';
import type { CaseProxy, Context } from './context.ts';
import { makeExpect } from './expect.ts';
import { mendedControls } from './faults.ts';
import { openCaseHistory } from './case-history.ts';
import { makeInbox } from './inbox.ts';
import { makeRandom } from './random.ts';
import type { Result } from './result.ts';
import { Inconclusive, NotRun } from './states.ts';
import type { FaultProxy, Target, Timing } from './target.ts';
import { sleep, until } from './waits.ts';
import { noTraffic, type Traffic, watched } from './watch.ts';

/** What a context is made from. */
export interface Setting {
  readonly target: Target;
  readonly run: string;
  readonly seed: number;
  readonly timing: Timing;
  readonly capabilities: Capabilities;
  readonly results: ReadonlyMap<string, Result>;
}

export interface OpenContext {
  readonly context: Context;
  readonly cleanup: Cleanup;
  readonly traffic: Traffic;
  readonly evidence: Record<string, string | number | boolean>;
}

export function makeContext(setting: Setting, { id }: Case, signal: AbortSignal): OpenContext {
  const { target, run, timing } = setting;
  const cleanup = new Cleanup();
  const traffic = noTraffic();
  const evidence: Record<string, string | number | boolean> = {};
  const events: BusEvent[] = [];
  const expect = makeExpect();
  const name = (part?: string): string => `wbc-${run}-${id.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}${part === undefined ? '' : `-${part}`}`;
  const driver = async (): Promise<Driver> => watched(await target.driver(), traffic);
  const waiting = {
    until: (what: string, condition: () => unknown, withinMs = timing.positiveMs) => until(what, condition, withinMs, signal),
    quiet: (ms = timing.quietMs) => sleep(ms, signal),
    saw: (count: number) => void (traffic.received += count),
  };
  const context: Context = {
    id,
    profile: target.profile,
    timing,
    capabilities: setting.capabilities,
    expect,
    random: makeRandom(setting.seed, id),
    signal,
    traffic,
    events,
    results: setting.results,
    name,
    ...waiting,
    driver,
    connect: (destinations, options) => openBus(destinations, { observe: (event) => void events.push(event), ...options }, driver, cleanup),
    link: async () => openLink(await driver(), signal, cleanup),
    jobs: (count, part = 'job') => Array.from({ length: count }, (_, n) => ({ id: `${name(part)}-${n + 1}`, n: n + 1 })),
    inbox: (options) => makeInbox({ expect, ...waiting }, options),
    evidence: (what, value) => void (evidence[what] = value),
    inconclusive(reason) {
      throw new Inconclusive(reason);
    },
    notRun(reason) {
      throw new NotRun(reason);
    },
    defer: (what, undo) => cleanup.add(what, undo),
    history: () => openCaseHistory(name(), cleanup, expect),
    has: (control) => hasControl(target, control),
    broker: mendedControls(target.control ?? {}, cleanup, (what, fact) => noteFault(evidence, what, fact)),
    proxy: async () => {
      const proxy = await target.proxy!();
      cleanup.add('the proxy', () => proxy[Symbol.asyncDispose]());
      return proxyOf(proxy, traffic);
    },
    child: async (program, options = {}) => {
      const child = await startChild(program, target.url!, options);
      cleanup.add(`the child process ${child.pid}`, () => child.kill());
      return child;
    },
  };
  return { context, cleanup, traffic, evidence };
}

async function openBus<T extends Destinations>(
  destinations: T,
  { driver, ...options }: BusOptions & { readonly driver?: Driver },
  make: () => Promise<Driver>,
  cleanup: Cleanup,
): ReturnType<typeof connect<Driver, T>> {
  const bus = await connect<Driver, T>(driver ?? (await make()), destinations, options);
  cleanup.add('closing a bus', () => bus.close());
  return bus;
}

async function openLink(driver: Driver, signal: AbortSignal, cleanup: Cleanup): Promise<Link> {
  const link = await driver.connect({ signal, onBlocked: () => undefined });
  cleanup.add('closing a link', () => link.close());
  return link;
}

/** A view, not a copy: its figures are read while they change. */
function proxyOf(proxy: FaultProxy, traffic: Traffic): CaseProxy {
  return {
    get bytes() {
      return proxy.bytes;
    },
    get liveConnections() {
      return proxy.liveConnections;
    },
    inject: (fault, way) => proxy.inject(fault, way),
    heal: () => proxy.heal(),
    driver: async () => watched(await proxy.driver(), traffic),
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  };
}

function noteFault(evidence: Record<string, string | number | boolean>, what: string, fact: string): void {
  const sameKind = Object.keys(evidence).filter((name) => name.startsWith(what)).length;
  evidence[sameKind === 0 ? what : `${what} ${sameKind + 1}`] = fact;
}
