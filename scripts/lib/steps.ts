import { add, type Counts, none, oneFailed, onePassed, oneSkipped, type Report } from './counts.ts';

/** Thrown by a step that cannot run on this machine; the message says why. */
export class StepSkipped extends Error {}

export interface Step {
  readonly name: string;
  /** Part of `npm run check`: fast, and without a server. */
  readonly quick?: true;
  /** Its output appears while it runs. */
  readonly streams?: true;
  /** It waits more than it computes: it runs beside its neighbours of the same kind, and shows no output while it runs. */
  readonly beside?: true;
  /** A step that this one builds on: where that did not pass, this one is skipped. */
  readonly needs?: string;
  /** Throws where the step failed; returns counts where it has a report of its own; a string is a note to print. */
  run(): Promise<Report | string | void>;
}

interface Outcome {
  readonly counts: Counts;
  readonly note: string;
  /** What is told again when everything is done. */
  readonly failures: readonly string[];
}

export interface RunOptions {
  readonly print: (line: string) => void;
  readonly now: () => number;
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function attempt(step: Step): Promise<Outcome> {
  try {
    const result = await step.run();
    if (typeof result !== 'object') return { counts: onePassed, note: result ?? '', failures: [] };
    const { failures, ...counts } = result;
    return { counts, note: '', failures };
  } catch (error) {
    const note = describe(error);
    return error instanceof StepSkipped
      ? { counts: oneSkipped, note, failures: [] }
      : { counts: oneFailed, note, failures: [note] };
  }
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '      ');
}

function verdict({ passed, failed, skipped }: Counts): string {
  const word = failed > 0 ? 'FAILED' : passed === 0 ? 'skipped' : 'ok';
  return passed + failed + skipped === 1 ? word : `${word} (${passed} passed, ${failed} failed, ${skipped} skipped)`;
}

/** More would make each other late: the cases of the suite have deadlines. */
const mostBeside = 2;

/** Runs of neighbours that may run beside each other; any other step is a run of its own. */
function runsOf(steps: readonly Step[]): readonly (readonly Step[])[] {
  const runs: Step[][] = [];
  for (const step of steps) {
    const last = runs.at(-1);
    if (step.beside === true && last?.[0]?.beside === true) last.push(step);
    else runs.push([step]);
  }
  return runs;
}

/**
 * Runs every step in order, neighbours beside each other where they may. A failure stops only the steps that need the
 * failed one. What failed is told again at the end, where the end is all that is kept of the output.
 */
export async function runSteps(steps: readonly Step[], { print, now }: RunOptions): Promise<Counts> {
  const sound = new Map<string, boolean>();
  const told: string[] = [];
  let total = none;
  const conduct = async (step: Step): Promise<void> => {
    const label = `[${String(steps.indexOf(step) + 1).padStart(2)}/${steps.length}] ${step.name}`;
    const started = now();
    if (step.streams === true || step.beside === true) print(`${label} …`);
    const isBlocked = step.needs !== undefined && sound.get(step.needs) !== true;
    const blocked = { counts: oneSkipped, note: `needs "${step.needs}", which did not pass`, failures: [] };
    const { counts, note, failures } = isBlocked ? blocked : await attempt(step);
    const seconds = ((now() - started) / 1000).toFixed(1);
    print(`${label.padEnd(52)} ${verdict(counts)}  ${seconds} s`);
    if (note !== '') print(indent(note));
    if (failures.length > 0) told.push(label, ...failures.map(indent));
    sound.set(step.name, counts.failed === 0 && counts.passed > 0);
    total = add(total, counts);
  };
  for (const run of runsOf(steps)) {
    const waiting = run.values();
    const lane = async (): Promise<void> => {
      for (const step of waiting) await conduct(step);
    };
    await Promise.all(Array.from({ length: mostBeside }, lane));
  }
  if (told.length > 0) print(`\nWhat failed\n${told.join('\n')}`);
  return total;
}
