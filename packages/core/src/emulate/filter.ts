import type { Filter } from '../driver/place.ts';
import type { Incoming } from '../driver/message.ts';

/** Whether a message is for this subscription, where the broker cannot tell. */
export function matcher(filter: Filter): (incoming: Incoming) => boolean {
  const { pattern, headers } = filter;
  const matches = pattern === undefined ? () => true : patternOf(pattern);
  const wanted = Object.entries(headers ?? {});
  return (incoming) =>
    matches(incoming.routingKey ?? '') && wanted.every(([name, value]) => incoming.headers[name] === value);
}

/** Words split by `.`; `*` is one word, `#` any number, none included. */
export function patternOf(pattern: string): (routingKey: string) => boolean {
  const words = wordsOf(pattern);
  return (routingKey) => follows(words, 0, wordsOf(routingKey), 0);
}
const wordsOf = (text: string): readonly string[] => (text === '' ? [] : text.split('.'));

function follows(pattern: readonly string[], at: number, words: readonly string[], from: number): boolean {
  for (; at < pattern.length; at++, from++) {
    if (pattern[at] === '#')
      return (
        words.slice(from).some((_, skip) => follows(pattern, at + 1, words, from + skip)) ||
        follows(pattern, at + 1, words, words.length)
      );
    if (from === words.length || (pattern[at] !== '*' && pattern[at] !== words[from])) return false;
  }
  return from === words.length;
}
