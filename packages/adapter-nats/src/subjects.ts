import { escaped, unescaped } from './names.ts';

/** Words of a routing key are tokens of a subject. What NATS would read as something else is escaped; `=` alone is a word without letters. */
const wordToken = (word: string): string => (word === '' ? '=' : escaped(word, /[%=*>\s\p{Cc}]/gu));

const wordsOf = (text: string): readonly string[] => (text === '' ? [] : text.split('.'));

/** The subject of a message with that routing key. */
export const routed = (subject: string, routingKey: string | undefined): string =>
  routingKey === undefined || routingKey === ''
    ? subject
    : `${subject}.${routingKey.split('.').map(wordToken).join('.')}`;

/** The way back; a message without further tokens has no routing key. */
export function routingKeyOf(base: string, subject: string): string | undefined {
  if (subject === base || !subject.startsWith(`${base}.`)) return undefined;
  return subject
    .slice(base.length + 1)
    .split('.')
    .map(wordOf)
    .join('.');
}

const wordOf = (token: string): string => (token === '=' ? '' : unescaped(token));

/** What the server lets through for a pattern, and what of that is not meant. */
export interface Choice {
  /** None: everything of the stream. */
  readonly subjects: readonly string[];
  /** Where the server cannot express the pattern: whether a routing key matches. */
  readonly matches?: (routingKey: string) => boolean;
}

/**
 * `*` is one token on both sides. `#` is any number of words, NATS's `>` at least one and only at the end: a pattern that
 * ends in `#` is two subjects, one that has it elsewhere is widened, and so are two subjects for a server before 2.10,
 * which takes one.
 */
export function choiceOf(base: string, pattern: string | undefined, takesSeveral: boolean): Choice {
  if (pattern === undefined || /^#(\.#)*$/.test(pattern)) return { subjects: [] };
  const words = wordsOf(pattern.replace(/(^|\.)#(\.#)+(?=\.|$)/g, '$1#'));
  const at = words.indexOf('#');
  const subject = [
    base,
    ...(at < 0 ? words : words.slice(0, at)).map((word) => (word === '*' ? '*' : wordToken(word))),
  ];
  if (at < 0) return { subjects: [subject.join('.')] };
  const isLast = at === words.length - 1;
  const below = [...subject, '>'].join('.');
  if (isLast && takesSeveral) return { subjects: [subject.join('.'), below] };
  return { subjects: isLast ? [] : [below], matches: matcher(words) };
}

function matcher(words: readonly string[]): (routingKey: string) => boolean {
  const parts = words.map((word) =>
    word === '#' ? '(?:\\.[^.]*)*' : word === '*' ? '\\.[^.]*' : `\\.${literal(word)}`,
  );
  const whole = new RegExp(`^${parts.join('')}$`, 's');
  return (routingKey) => whole.test(routingKey === '' ? '' : `.${routingKey}`);
}

const literal = (word: string): string => word.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
