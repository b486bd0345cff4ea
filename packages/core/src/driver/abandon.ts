import { abortable } from '../abort.ts';
import { WaybillError } from '../error/error.ts';

/** The work, or `aborted` as soon as the signal says so; what comes all the same is given to `discard`. */
export function abandonable<T>(
  work: Promise<T>,
  signal: AbortSignal,
  discard: (late: T) => void = () => {},
): Promise<T> {
  return abortable(work, signal, () => {
    work.then(discard, () => {});
    return new WaybillError('aborted', 'Given up by its signal');
  });
}
