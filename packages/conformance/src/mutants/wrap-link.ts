import type { Driver } from '@waybill/core';
import type {
  Admin,
  Capabilities,
  Link,
  Outgoing,
  Receiver,
  ReceiveOptions,
  Sent,
  Source,
  Target,
} from '@waybill/core/driver';

/** What is put in place of a link's own methods; each is given the link to go on with. */
export interface LinkParts {
  readonly send?: (link: Link, target: Target, batch: readonly Outgoing[]) => Promise<Sent>;
  readonly receive?: (link: Link, source: Source, options: ReceiveOptions) => Promise<Receiver>;
  readonly admin?: (admin: Admin) => Admin;
  /** Of the driver and of its links. */
  readonly capabilities?: (capabilities: Capabilities) => Capabilities;
}

/** The same driver with other parts. Given a function, it asks for them once for each link. */
export function wrapLink(driver: Driver, parts: LinkParts | (() => Omit<LinkParts, 'capabilities'>)): Driver {
  const partsOf = typeof parts === 'function' ? parts : (): LinkParts => parts;
  const { capabilities } = typeof parts === 'function' ? {} : parts;
  return {
    spec: driver.spec,
    name: driver.name,
    capabilities: capabilities ? capabilities(driver.capabilities) : driver.capabilities,
    classify: (error) => driver.classify(error),
    connect: async (options) => wrapped(await driver.connect(options), partsOf()),
  };
}

function wrapped(link: Link, { send, receive, admin, capabilities }: LinkParts): Link {
  return {
    native: link.native,
    capabilities: capabilities ? capabilities(link.capabilities) : link.capabilities,
    closed: link.closed,
    send: (target, batch) => (send ? send(link, target, batch) : link.send(target, batch)),
    receive: (source, options) => (receive ? receive(link, source, options) : link.receive(source, options)),
    ping: (signal) => link.ping(signal),
    close: () => link.close(),
    ...(link.declare && { declare: (declarations, mode) => link.declare!(declarations, mode) }),
    ...(link.admin && { admin: admin ? admin(link.admin) : link.admin }),
  };
}
