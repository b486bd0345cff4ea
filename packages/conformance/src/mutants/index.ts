import { laneMutants } from './lanes.ts';
import { leaseMutants } from './leases.ts';
import { manifestMutants } from './manifest.ts';
import type { Mutant } from './mutant.ts';
import { payloadMutants } from './payloads.ts';
import { receivingMutants } from './receiving.ts';
import { sendingMutants } from './sending.ts';
import { settlingMutants } from './settling.ts';

/** Drivers that are wrong in one way each: what a failing report looks like, and the proof that the cases notice. */
export const mutants: readonly Mutant[] = [
  ...sendingMutants,
  ...settlingMutants,
  ...receivingMutants,
  ...leaseMutants,
  ...laneMutants,
  ...payloadMutants,
  ...manifestMutants,
];
