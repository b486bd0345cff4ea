import type { Step } from '../lib/steps.ts';

export const packagingSteps: readonly Step[] = [];
