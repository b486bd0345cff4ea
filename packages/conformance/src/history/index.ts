/**
 * Histories: every process writes down what it did and what was done to it, and `check` says whether that is what was
 * promised.
 *
 * **Recording.** One `HistoryWriter` a process, all of one run into one directory. Write an `invoke` before the call
 * and its outcome after it; the line is in the hands of the operating system when `record` returns, so a SIGKILL
 * between the two leaves an operation that nobody knows the end of, which is the truth.
 *
 * ```ts
 * const history = openHistory({ directory, run: 'r1', process: 'producer-1', clock: await alignWithParent() });
 * history.record({ type: 'publish.invoke', message: id, destination: 'orders', key, body: checksum(bytes) });
 * try {
 *   await bus.orders.send(order);
 *   history.record({ type: 'publish.ok', message: id });
 * } catch (error) {
 *   history.record({ type: isCertainlyNotStored(error) ? 'publish.fail' : 'publish.unknown', message: id });
 * }
 * ```
 *
 * **Outcomes.** `ok`: the broker confirmed it at the declared tier. `fail`: it was **certainly** not stored: refused
 * before a byte left, or by the broker. Everything else is `unknown`, and so is an invoke without outcome; it may
 * appear or not. Never call an unknown a `fail`: the checker reports it as an aborted read once the message shows up.
 *
 * A consumer records `subscribe.ready`, for each handler `deliver` and `handled`, and, where it can see them, the
 * settlements. Whoever reads the same messages for another purpose (a replay, an audit) is another `subscription`. A
 * process that is started again takes a new name. The parent calls `answerClock` for each child, records the faults
 * with their evidence, the exits, and the drain after a quiet period.
 *
 * **Verdict.** `invalid`: an anomaly that the claim forbids. `unknown`: nothing forbidden was seen, but the run
 * proves nothing (not drained, a fault without evidence, too few messages); that is no pass. `valid`: the rest.
 */
export * from './checksum.ts';
export { alignClock, alignWithParent, answerClock, monotonicNow, type ClockOffset } from './clock.ts';
export { check, type CheckOptions } from './check.ts';
export type { Claim } from './claim.ts';
export * from './event.ts';
export { explain, explainInMarkdown } from './explain.ts';
export { HistoryFormatError } from './format-error.ts';
export { historyOf, readHistory, type History } from './reader.ts';
export * from './verdict.ts';
export { openHistory, HistoryWriter, type HistoryOptions } from './writer.ts';
