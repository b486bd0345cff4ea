import { memory, type MemoryBroker, memoryBroker } from '@waybill/in-memory';
import type { Driver } from '@waybill/core';
import type { Capabilities, Link } from '@waybill/core/driver';
import {
  type Case,
  type Certificate,
  defineTarget,
  type Result,
  runConformance,
  type Target,
} from '@waybill/conformance';

export const memoryTarget = (broker: MemoryBroker = memoryBroker(), more: Partial<Target> = {}): Target =>
  defineTarget({
    name: 'memory',
    driver: () => memory(broker),
    profile: { durable: 'none', reach: 'process', note: 'inside one process' },
    timing: { quietMs: 20, positiveMs: 1000 },
    ...more,
  });

/** A case of the test's own; its id is of no group's numbering in the suite. */
export const caseWith = (run: Case['run'], more: Partial<Case> = {}): Case => ({
  id: 'Q90',
  group: 'Q',
  title: 'a case of a test',
  priority: 0,
  kind: 'contract',
  requires: {},
  run,
  ...more,
});

export async function resultOf(one: Case, target: Target = memoryTarget()): Promise<Result> {
  const { cases } = await runConformance(target, { cases: [one] });
  return cases[0]!;
}

export const runCases = (cases: readonly Case[], target: Target = memoryTarget()): Promise<Certificate> =>
  runConformance(target, { cases });

/** The same driver, saying less of itself. */
export function lowered(driver: Driver, lower: (capabilities: Capabilities) => Capabilities): Driver {
  return {
    spec: driver.spec,
    name: driver.name,
    capabilities: lower(driver.capabilities),
    classify: (error) => driver.classify(error),
    connect: async (options) => loweredLink(await driver.connect(options), lower),
  };
}

function loweredLink(link: Link, lower: (capabilities: Capabilities) => Capabilities): Link {
  return {
    native: link.native,
    capabilities: lower(link.capabilities),
    closed: link.closed,
    send: (target, batch) => link.send(target, batch),
    receive: (source, options) => link.receive(source, options),
    ping: (signal) => link.ping(signal),
    close: () => link.close(),
    declare: (declarations, mode) => link.declare!(declarations, mode),
    ...(link.admin && { admin: link.admin }),
  };
}

/** Manifests are data: the changed copy of one, in the part that is given. */
export const withQueue = (capabilities: Capabilities, changes: object): Capabilities => ({
  ...capabilities,
  queue: capabilities.queue === 'none' ? 'none' : { ...capabilities.queue, ...changes },
});
