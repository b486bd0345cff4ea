import { allCases } from './cases/index.ts';

let index: ReadonlyMap<string, readonly string[]> | undefined;

/** The cases that prove a manifest value. */
export function provers(word: string): readonly string[] {
  index ??= build();
  return index.get(word) ?? [];
}

function build(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const { id, proves = [] } of allCases()) {
    for (const word of proves) found.set(word, [...(found.get(word) ?? []), id]);
  }
  return found;
}
