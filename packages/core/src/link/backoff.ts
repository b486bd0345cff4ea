const firstMs = 100;
const longestMs = 2000;
const longestSteadyMs = 5000;

/** Full jitter: 0 to 100 ms first, up to 2 s. Clients of a broker that returns do not come all at once, and none comes late. */
export const backoffMs = (failures: number): number => Math.random() * Math.min(longestMs, firstMs * 2 ** failures);

/** Without jitter: for what only this process waits for. */
export const steadyBackoffMs = (failures: number): number => Math.min(longestSteadyMs, firstMs * 2 ** failures);
