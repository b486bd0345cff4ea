import type { Case } from '../case.ts';

type Given = Omit<Case, 'group' | 'priority' | 'kind' | 'requires'> &
  Partial<Pick<Case, 'priority' | 'kind' | 'requires'>>;

/** A case with what most of its group share filled in. The group is the first letter of its id. */
export const caseOf =
  (common: Pick<Case, 'requires'> & Partial<Pick<Case, 'kind' | 'priority'>>) =>
  ({ requires, ...given }: Given): Case => ({
    kind: 'contract',
    priority: 0,
    ...common,
    ...given,
    group: given.id.charAt(0) as Case['group'],
    requires: { ...common.requires, ...requires },
  });
