export * from './checksum.ts';
export { alignClock, alignWithParent, answerClock, monotonicNow, type ClockOffset } from './clock.ts';
export { check, type CheckOptions } from './check.ts';
export type { Claim } from './claim.ts';
export * from './event.ts';
export { HistoryFormatError } from './format-error.ts';
export { historyOf, readHistory, type History } from './reader.ts';
export * from './verdict.ts';
export { openHistory, HistoryWriter, type HistoryOptions } from './writer.ts';
