import type { Filter } from '@waybill/core/driver';
import type { Stored } from './records.ts';

/** An empty routing key has no words, so `*` does not match it and `#` does (AMQP 0-9-1, section 3.1.3.3). */
const wordsOf = (text: string): readonly string[] => (text === '' ? [] : text.split('.'));

/** Words split by `.`; `*` is one word, `#` any number of words, none included. */
export function compilePattern(pattern: string): (routingKey: string) => boolean {
  if (pattern === '#') return () => true;
  if (!/[*#]/.test(pattern)) return (routingKey) => routingKey === pattern;
  const wanted = wordsOf(pattern);
  return (routingKey) => matches(wanted, wordsOf(routingKey));
}

/** Each `#` takes as few words as it can; on a mismatch the last one takes one more. */
function matches(wanted: readonly string[], words: readonly string[]): boolean {
  let at = 0;
  let hash = -1;
  let retryFrom = 0;
  for (let word = 0; word < words.length;) {
    if (wanted[at] === '#') {
      hash = at;
      at += 1;
      retryFrom = word;
    } else if (at < wanted.length && (wanted[at] === '*' || wanted[at] === words[word])) {
      at += 1;
      word += 1;
    } else if (hash >= 0) {
      at = hash + 1;
      retryFrom += 1;
      word = retryFrom;
    } else return false;
  }
  return wanted.slice(at).every((word) => word === '#');
}

/** What a subscription lets through; `undefined` for everything. */
export function compileFilter(filter: Filter | undefined): ((stored: Stored) => boolean) | undefined {
  const matchesKey = filter?.pattern === undefined ? undefined : compilePattern(filter.pattern);
  const headers = Object.entries(filter?.headers ?? {});
  if (!matchesKey && headers.length === 0) return undefined;
  return (stored) =>
    (matchesKey?.(stored.routingKey ?? '') ?? true) && headers.every(([name, value]) => stored.headers[name] === value);
}
