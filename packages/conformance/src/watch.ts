import type { Driver } from '@waybill/core';
import type { Declaration, Link } from '@waybill/core/driver';

/** What went through a driver: proof that a case did something, or that a refusal came first. */
export interface Traffic {
  connects: number;
  declared: Declaration[];
  /** Messages handed to `Link.send`. */
  sent: number;
  largestBatch: number;
  /** Receivers opened. */
  receivers: number;
  /** Messages that reached a handler, a reader or a child process, as far as the case recorded them. */
  received: number;
}

export const noTraffic = (): Traffic => ({
  connects: 0,
  declared: [],
  sent: 0,
  largestBatch: 0,
  receivers: 0,
  received: 0,
});

/** The same driver, counted. Receivers, lanes and messages are the driver's own: it may compare them by identity. */
export function watched(driver: Driver, traffic: Traffic): Driver {
  return {
    spec: driver.spec,
    name: driver.name,
    capabilities: driver.capabilities,
    classify: (error) => driver.classify(error),
    async connect(options) {
      traffic.connects += 1;
      return watchedLink(await driver.connect(options), traffic);
    },
  };
}

function watchedLink(link: Link, traffic: Traffic): Link {
  const { admin } = link;
  return {
    native: link.native,
    capabilities: link.capabilities,
    closed: link.closed,
    send(target, batch) {
      traffic.sent += batch.length;
      traffic.largestBatch = Math.max(traffic.largestBatch, batch.length);
      return link.send(target, batch);
    },
    receive(source, options) {
      traffic.receivers += 1;
      return link.receive(source, options);
    },
    ping: (signal) => link.ping(signal),
    close: () => link.close(),
    ...(link.declare && { declare: declareOf(link, traffic) }),
    ...(admin && { admin }),
  };
}

function declareOf(link: Link, traffic: Traffic): NonNullable<Link['declare']> {
  return (declarations, mode) => {
    if (mode === 'create') traffic.declared.push(...declarations);
    return link.declare!(declarations, mode);
  };
}
