interface CodeBlock {
  /** The words after the three backticks. */
  readonly info: string;
  readonly code: string;
  /** The line of the opening fence, from 1. */
  readonly line: number;
}

interface Open {
  readonly fence: string;
  readonly info: string;
  readonly line: number;
  readonly lines: string[];
}

export interface Markdown {
  readonly blocks: readonly CodeBlock[];
  /** The text around the blocks, with as many lines as the file has. */
  readonly prose: string;
}

/** Splits a Markdown file into its fenced blocks and the prose around them. */
export function parseMarkdown(text: string): Markdown {
  const blocks: CodeBlock[] = [];
  const prose: string[] = [];
  let open: Open | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const [, fence, info] = /^\s*(`{3,}|~{3,})(.*)$/.exec(line) ?? [];
    if (open === undefined && fence !== undefined) {
      open = { fence, info: (info ?? '').trim(), line: index + 1, lines: [] };
    } else if (open !== undefined && line.trim() === open.fence) {
      blocks.push({ info: open.info, line: open.line, code: open.lines.join('\n') });
      open = undefined;
    } else if (open !== undefined) {
      open.lines.push(line);
    }
    prose.push(open === undefined && fence === undefined ? line : '');
  }
  return { blocks, prose: prose.join('\n') };
}

/** The anchors that GitHub gives to the headings of a page. */
export function headingAnchors(prose: string): ReadonlySet<string> {
  const seen = new Map<string, number>();
  const anchors = [...prose.matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)].map((match) => {
    const plain = (match[1] ?? '').replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = plain
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-');
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  });
  return new Set(anchors);
}
