import type { RunOptions } from './options.ts';
import type { RunRecord } from './outcome.ts';
export async function runMemory(_options: RunOptions, _say: (line: string) => void): Promise<RunRecord> {
  throw new Error('later');
}
