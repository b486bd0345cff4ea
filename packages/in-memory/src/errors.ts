import { WaybillError } from '@waybill/core/driver';

export const notFound = (kind: string, name: string): WaybillError =>
  new WaybillError('not-found', `memory: there is no ${kind} "${name}"; declare it first`, {
    broker: 'memory',
    destination: name,
  });

/** For the end of an expression that looks something up. */
export function missing(kind: string, name: string): never {
  throw notFound(kind, name);
}
