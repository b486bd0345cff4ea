/** The promise, or the error as soon as the signal aborts. Leaves no listener behind. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal, error: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(error());
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    const done = (): void => signal.removeEventListener('abort', abort);
    promise.then(
      (value) => {
        done();
        resolve(value);
      },
      (cause: unknown) => {
        done();
        reject(cause instanceof Error ? cause : new Error(String(cause)));
      },
    );
  });
}
