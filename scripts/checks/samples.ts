import { parseMarkdown } from '../lib/markdown.ts';
import type { SourceFile } from '../lib/workspace.ts';

export interface Sample {
  /** The name of the module that is compiled, made from the page and the line of the block. */
  readonly name: string;
  readonly code: string;
}

const languages = new Set(['ts', 'typescript']);

/**
 * One module for each TypeScript block of a page. A block marked `ts continued` goes on where the
 * one before it ended. The lines stay where they are in the page, so that an error names the line.
 */
export function extractSamples({ path, text }: SourceFile): readonly Sample[] {
  const samples: { name: string; lines: string[] }[] = [];
  for (const { info, code, line } of parseMarkdown(text).blocks) {
    const [language = '', mark] = info.split(/\s+/);
    if (!languages.has(language)) continue;
    const previous = samples.at(-1);
    const isContinued = mark === 'continued' && previous !== undefined;
    const sample = isContinued ? previous : { name: `${path.replaceAll('/', '--')}.${line}.ts`, lines: [] };
    if (!isContinued) samples.push(sample);
    while (sample.lines.length < line) sample.lines.push('');
    sample.lines.push(...code.split('\n'));
  }
  return samples.map(({ name, lines }) => ({ name, code: `${lines.join('\n')}\nexport {};\n` }));
}
