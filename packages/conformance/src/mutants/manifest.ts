import type { Mutant } from './mutant.ts';
import { wrapLink } from './wrap-link.ts';

/** Defects in what a driver says of itself and of the broker. */
export const manifestMutants: readonly Mutant[] = [
  {
    name: 'has a manifest that can be changed',
    defect: 'The capabilities are not frozen.',
    killedBy: 'N01',
    wrap: (driver) => wrapLink(driver, { capabilities: (capabilities) => structuredClone(capabilities) }),
  },
  {
    name: 'purges nothing',
    defect: 'A purge resolves, and the messages are still there.',
    killedBy: 'N06:admin=manage',
    wrap: (driver) =>
      wrapLink(driver, {
        admin: (admin) => ({ ...admin, depth: (source) => admin.depth(source), purge: async () => undefined }),
      }),
  },
];
