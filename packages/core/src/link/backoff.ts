const firstMs = 100;
const longestMs = 5000;

/** Full jitter: 0 to 100 ms first, up to 5 s, so that clients of a broker that returns do not come all at once. */
export const backoffMs = (failures: number): number => Math.random() * steadyBackoffMs(failures);

/** Without jitter: for what only this process waits for. */
export const steadyBackoffMs = (failures: number): number => Math.min(longestMs, firstMs * 2 ** failures);
