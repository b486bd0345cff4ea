/** Fails a step with one line per problem; nothing happens where there is none. */
export function throwProblems(problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw new Error(`${problems.length} problem${problems.length === 1 ? '' : 's'}\n${problems.join('\n')}`);
}
