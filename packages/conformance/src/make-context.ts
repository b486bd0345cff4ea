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
import { Inconclusive, NotApplicable, NotRun } from './states.ts';
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

/** What the parts of a context share. */
interface Base {
  readonly setting: Setting;
  readonly id: string;
  readonly signal: AbortSignal;
  readonly cleanup: Cleanup;
  readonly traffic: Traffic;
  readonly evidence: Record<string, string | number | boolean>;
}

export function makeContext(setting: Setting, { id }: Case, signal: AbortSignal): OpenContext {
  const { target, run, timing, capabilities, results, seed } = setting;
  const [cleanup, traffic, evidence] = [new Cleanup(), noTraffic(), {}];
  const base: Base = { setting, id, signal, cleanup, traffic, evidence };
  const expect = makeExpect();
  const safeId = id.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  const name = (part?: string): string => ['wbc', run, safeId, ...(part === undefined ? [] : [part])].join('-');
  const waiting = waitsOf(base);
  const context: Context = {
    id,
    signal,
    timing,
    capabilities,
    results,
    expect,
    traffic,
    profile: target.profile,
    security: target.security ?? {},
    random: makeRandom(seed, id),
    name,
    ...waiting,
    ...linksOf(base),
    ...harnessOf(base),
    ...verdictsOf(base),
    jobs: (count, part = 'job') =>
      Array.from({ length: count }, (_, n) => ({ id: `${name(part)}-${n + 1}`, n: n + 1 })),
    inbox: (options) => makeInbox({ expect, ...waiting }, options),
    history: () => openCaseHistory(name(), cleanup, expect),
  };
  return { context, cleanup, traffic, evidence };
}

const waitsOf = ({ setting: { timing }, signal, traffic }: Base): Pick<Context, 'until' | 'quiet' | 'saw'> => ({
  until: (what, condition, withinMs = timing.positiveMs) => until(what, condition, withinMs, signal),
  quiet: (ms = timing.quietMs) => sleep(ms, signal),
  saw: (count) => void (traffic.received += count),
});

function linksOf({
  setting: { target },
  signal,
  cleanup,
  traffic,
}: Base): Pick<Context, 'driver' | 'link' | 'connect' | 'events'> {
  const events: BusEvent[] = [];
  const observe = (event: BusEvent): void => void events.push(event);
  const driver = async (): Promise<Driver> => watched(await target.driver(), traffic);
  return {
    events,
    driver,
    link: async () => openLink(await driver(), signal, cleanup),
    connect: (destinations, options) => openBus(destinations, { observe, ...options }, driver, cleanup),
  };
}

function harnessOf({
  setting: { target },
  cleanup,
  traffic,
  evidence,
}: Base): Pick<Context, 'has' | 'broker' | 'proxy' | 'child'> {
  return {
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
}

const verdictsOf = ({
  cleanup,
  evidence,
}: Base): Pick<Context, 'evidence' | 'inconclusive' | 'notRun' | 'notApplicable' | 'defer'> => ({
  evidence: (what, value) => void (evidence[what] = value),
  inconclusive(reason) {
    throw new Inconclusive(reason);
  },
  notRun(reason) {
    throw new NotRun(reason);
  },
  notApplicable(reason) {
    throw new NotApplicable(reason);
  },
  defer: (what, undo) => cleanup.add(what, undo),
});

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
