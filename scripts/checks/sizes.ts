import type { SourceFile } from '../lib/workspace.ts';

export const maxFileLines = 300;
/** Of code, without comments and blank lines. The budget was 4,000; see design/decisions/0007. */
export const maxCoreLines = 5_950;
/** A wish, not a wall: an adapter above it is printed, not refused. */
export const wantedAdapterLines = 600;

function countLines(text: string): number {
  return text === '' ? 0 : text.replace(/\n$/, '').split('\n').length;
}

/** Lines that hold code. */
function countCode(text: string): number {
  const withoutComments = text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '');
  return withoutComments.split('\n').filter((line) => line.trim() !== '').length;
}

export interface Sizes {
  readonly problems: readonly string[];
  /** Lines of code of each package, and which adapters are above the wish. */
  readonly note: string;
}

function totals(files: readonly SourceFile[]): Map<string, number> {
  const lines = new Map<string, number>();
  for (const { path, text } of files) {
    const folder = path.split('/')[1] ?? '';
    lines.set(folder, (lines.get(folder) ?? 0) + countCode(text));
  }
  return lines;
}

function describe(folder: string, lines: number): string {
  const isLarge = folder.startsWith('adapter-') && lines > wantedAdapterLines;
  return `${folder} ${lines}${isLarge ? ` (an adapter should stay near ${wantedAdapterLines})` : ''}`;
}

/** Judges the files `packages/<folder>/src/**`. */
export function checkSizes(files: readonly SourceFile[]): Sizes {
  const lines = totals(files);
  const core = lines.get('core') ?? 0;
  const large = files.filter(({ text }) => countLines(text) > maxFileLines);
  const problems = large.map(({ path, text }) => `${path}: ${countLines(text)} lines, at most ${maxFileLines}`);
  if (core === 0) problems.push('packages/core/src: no source found');
  if (core > maxCoreLines) problems.push(`packages/core/src: ${core} lines of code, at most ${maxCoreLines}`);
  return {
    problems,
    note: `lines of code: ${[...lines].map(([folder, count]) => describe(folder, count)).join(', ')}`,
  };
}
