import { WaybillError } from '../error/error.ts';
import type { Carrier } from './carrier.ts';

/** After `close` every method of a handle rejects with `closed`, whatever it would have done. */
export function guarded<H extends object>(carrier: Carrier, handle: H): H {
  const methods = Object.entries(handle).map(([name, method]) => [name, typeof method === 'function' ? guard(carrier, method as Method) : method]);
  return Object.fromEntries(methods) as H;
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
