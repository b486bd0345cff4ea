import { posix } from 'node:path';
import { headingAnchors, parseMarkdown } from '../lib/markdown.ts';
import type { SourceFile } from '../lib/workspace.ts';

const link = /\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g;

interface Link {
  readonly file: string;
  readonly line: number;
  readonly target: string;
}

function linksOf({ path, text }: SourceFile): readonly Link[] {
  const prose = parseMarkdown(text).prose.replaceAll(/`[^`\n]*`/g, (code) => ' '.repeat(code.length));
  return [...prose.matchAll(link)]
    .map((match) => ({ file: path, line: prose.slice(0, match.index).split('\n').length, target: match[1] ?? '' }))
    .filter(({ target }) => !/^[a-z][a-z+.-]*:/i.test(target));
}

/**
 * Internal links lead to a file or folder of the repository, and their anchors to a heading.
 * @param pages every Markdown file
 * @param paths every tracked file
 */
export function checkLinks(pages: readonly SourceFile[], paths: readonly string[]): readonly string[] {
  const anchors = new Map(pages.map(({ path, text }) => [path, headingAnchors(parseMarkdown(text).prose)]));
  const exists = (path: string): boolean => paths.some((other) => other === path || other.startsWith(`${path}/`));
  return pages.flatMap(linksOf).flatMap(({ file, line, target }) => {
    const [before = '', anchor] = decodeURIComponent(target).split('#');
    const path = before === '' ? file : posix.join(posix.dirname(file), before).replace(/\/$/, '');
    if (path !== '.' && !exists(path)) return [`${file}:${line}: ${target} leads nowhere, ${path} does not exist`];
    const known = anchors.get(path);
    const isDead = anchor !== undefined && known !== undefined && !known.has(anchor);
    return isDead ? [`${file}:${line}: ${target} leads nowhere, ${path} has no heading #${anchor}`] : [];
  });
}
