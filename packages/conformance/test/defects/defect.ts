/** One defect, cut into the sources as they are loaded, and the cases that must fail because of it. */
export interface Defect {
  readonly name: string;
  readonly edits: readonly Edit[];
  /** Ids of cases, each of which has to fail. */
  readonly kills: readonly string[];
  /** @default 'memory' */
  readonly target?: 'memory' | 'rabbitmq-4.3' | 'rabbitmq-3.10';
}

export interface Edit {
  /** Below `packages`. */
  readonly file: string;
  /** Must be there exactly once: a defect that no longer fits the sources is an error, not a pass. */
  readonly find: string;
  readonly put: string;
}

export const edit = (file: string, find: string, put: string): Edit => ({ file, find, put });
