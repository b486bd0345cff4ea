/** Of entries: two numbers, written without leading zeros. Negative: the first comes before the other. */
export function compareIds(one: string, other: string): number {
  if (one === other) return 0;
  const dash = one.indexOf('-');
  const byMs = dash - other.indexOf('-');
  if (byMs !== 0) return byMs;
  const length = one.length - other.length;
  const isSameMs = length === 0 || one.slice(0, dash) === other.slice(0, dash);
  if (length !== 0 && isSameMs) return length;
  return one < other ? -1 : 1;
}

export const isBefore = (one: string, other: string): boolean => compareIds(one, other) < 0;

/** The last number that an id may have behind its milliseconds. */
export const mostSequence = '18446744073709551615';

/** The id right before it. */
export function before(id: string): string {
  const [ms = 0n, sequence = 0n] = id.split('-').map(BigInt);
  return sequence > 0n ? `${ms}-${sequence - 1n}` : `${ms - 1n}-${mostSequence}`;
}

/** As the server would write it; nothing for what is no id. */
export function readId(text: string): string | undefined {
  return /^\d+-\d+$/.test(text) ? text.split('-').map(BigInt).join('-') : undefined;
}
