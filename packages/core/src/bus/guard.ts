import { WaybillError } from '../error/error.ts';
import type { Carrier } from './carrier.ts';

/** After `close` every method of a handle rejects with `closed`, whatever it would have done. */
export function guarded(carrier: Carrier, handle: object): object {
  const members: readonly [string, unknown][] = Object.entries(handle);
  return Object.fromEntries(
    members.map(([name, member]) => [name, typeof member === 'function' ? guard(carrier, member as Method) : member]),
  );
}

type Method = (...given: never[]) => unknown;
const guard = (carrier: Carrier, method: Method): Method =>
  method.name === 'read'
    ? (...given) => {
        if (carrier.isClosed) throw closed();
        return method(...given);
      }
    : (...given) => (carrier.isClosed ? Promise.reject(closed()) : method(...given));

const closed = (): WaybillError => new WaybillError('closed', 'the bus is closed; connect again');
