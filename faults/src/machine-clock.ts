/**
 * Milliseconds on the one monotonic clock of this machine (CLOCK_MONOTONIC on Linux), so that the histories of all
 * processes of a run share it and nothing about their order has to be guessed.
 */
export function machineClock(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}
