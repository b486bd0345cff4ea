import type { SourceFile } from '../lib/workspace.ts';

/** What belongs to the machine that something was written or installed on, and not to the project. */
const traces: readonly { readonly pattern: RegExp; readonly name: string }[] = [
  {
    pattern: /(?<![\w.$}*~-])\/(?:root|work|farm|workspace|home\/\w+|Users\/\w+)\/[\w.-]*/g,
    name: 'path of a machine',
  },
  { pattern: /\b[A-Z]:\\Users\\\w*/g, name: 'path of a machine' },
  {
    pattern:
      /\b(?:registry\.[\w-]+\.(?:org|com|io)|npm\.pkg\.github\.com|repo\d?\.maven(?:\.apache)?\.org|files\.pythonhosted\.org|proxy\.golang\.org)\b/g,
    name: 'host of a package registry',
  },
];

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

/** Judges every tracked text file, the lockfile among them. */
export function checkMachineTraces(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap(({ path, text }) =>
    traces.flatMap(({ pattern, name }) =>
      [...text.matchAll(pattern)].map((match) => `${path}:${lineOf(text, match.index)}: ${name} (${match[0]})`),
    ),
  );
}
