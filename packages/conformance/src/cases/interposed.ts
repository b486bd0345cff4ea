import { type Driver, WaybillError } from '@waybill/core';
import type { Link, Outgoing, Sent, Target } from '@waybill/core/driver';

/** What a case puts between core and the driver. */
export interface Between {
  /** Instead of the driver's own answer; `send` hands the batch to the driver. */
  readonly send?: (send: () => Promise<Sent>, batch: readonly Outgoing[], target: Target) => Promise<Sent>;
}

/** A driver with a connection that the case cuts, and keeps cut: a broker that is away, as a client sees it. */
export interface Interposed {
  readonly driver: Driver;
  /** The connection is lost, and every new one refused, until `mend`. */
  cut(): Promise<void>;
  mend(): void;
}

export function interposed(driver: Driver, between: Between = {}): Interposed {
  const links = new Set<(cause: Error) => Promise<void>>();
  let isCut = false;
  return {
    driver: {
      spec: driver.spec,
      name: driver.name,
      capabilities: driver.capabilities,
      classify: (error) => driver.classify(error),
      async connect(options) {
        if (isCut) throw away();
        const { link, cut } = cuttable(await driver.connect(options), between);
        links.add(cut);
        return link;
      },
    },
    async cut() {
      isCut = true;
      await Promise.all([...links].map((cut) => cut(away())));
      links.clear();
    },
    mend() {
      isCut = false;
    },
  };
}

const away = (): WaybillError => new WaybillError('unavailable', 'the case has cut this connection');

function cuttable(
  link: Link,
  between: Between,
): { readonly link: Link; readonly cut: (cause: Error) => Promise<void> } {
  let lose: (cause: unknown) => void = () => undefined;
  const lost = new Promise<unknown>((resolve) => (lose = resolve));
  const { admin } = link;
  return {
    link: {
      native: link.native,
      capabilities: link.capabilities,
      closed: Promise.race([lost, link.closed]),
      send: (target, batch) =>
        between.send ? between.send(() => link.send(target, batch), batch, target) : link.send(target, batch),
      receive: (source, options) => link.receive(source, options),
      ping: (signal) => link.ping(signal),
      close: () => link.close(),
      ...(link.declare && { declare: (declarations, mode) => link.declare!(declarations, mode) }),
      ...(admin && { admin }),
    },
    async cut(cause) {
      lose(cause);
      await link.close();
    },
  };
}

/** A door that lets nobody through until it is opened. */
export function gate(): { readonly passed: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { passed, open: () => open() };
}
