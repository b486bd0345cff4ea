import type { Driver } from '@waybill/core';

/** A correct driver with exactly one defect, and the case that must fail because of it. */
export interface Mutant {
  readonly name: string;
  /** A sentence: what this driver does wrong. */
  readonly defect: string;
  /** The id of a case. Others may fail as well. */
  readonly killedBy: string;
  /** Puts the defect around a correct driver; it says of itself what that one says. */
  readonly wrap: (driver: Driver) => Driver;
}
