/** A file that cannot be judged: which one, which line, and what is wrong with it. */
export class HistoryFormatError extends Error {
  override readonly name = 'HistoryFormatError';
}
