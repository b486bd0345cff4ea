import { WaybillError } from '@waybill/core/driver';

/** Ends the wait with the first of the signals; what comes all the same is given to `discard`. */
export function abortable<T>(
  work: Promise<T>,
  signals: readonly AbortSignal[],
  discard: (late: T) => void = () => undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => {
      work.then(discard, () => undefined);
      reject(new WaybillError('aborted', 'Given up by its signal'));
    };
    if (signals.some(({ aborted }) => aborted)) return giveUp();
    for (const signal of signals) signal.addEventListener('abort', giveUp, { once: true });
    work.then(resolve, reject).finally(() => {
      for (const signal of signals) signal.removeEventListener('abort', giveUp);
    });
  });
}
