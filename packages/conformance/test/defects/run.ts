import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Defect } from './defect.ts';
import { failures } from './failures.ts';
import { flows } from './flows.ts';
import { orders } from './orders.ts';
import { promises } from './promises.ts';
import { times } from './times.ts';

/** `run.ts [target] [part of a name or of a case]`: cuts each defect into the sources and runs the cases that must fail. */
const [target = 'memory', part = ''] = process.argv.slice(2);
const atOnce = target === 'memory' ? 3 : 1;

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const cli = path('../../src/cli/main.ts');
const targetFile = target === 'memory' ? path('./target.ts') : path(`../targets/${target}.ts`);

const chosen = [...failures, ...times, ...orders, ...flows, ...promises].filter(
  (defect) => (defect.target ?? 'memory') === target && (defect.name.includes(part) || defect.kills.includes(part)),
);
if (chosen.length === 0) throw new Error(`no defect for ${target} has to do with "${part}"`);

interface Outcome {
  readonly survived: readonly string[];
  readonly output: string;
}

/** Runs the named cases under the defect; whatever did not fail has not noticed it. */
async function runUnder({ edits, kills }: Defect): Promise<Outcome> {
  const directory = mkdtempSync(join(tmpdir(), 'waybill-defect-'));
  const file = join(directory, 'certificate.json');
  const options = `--disable-warning=ExperimentalWarning --import=${path('./hook.ts')}`;
  // Histories that did not come out valid are kept: here they were to be expected.
  const env = {
    ...process.env,
    TMPDIR: directory,
    NODE_OPTIONS: options,
    WAYBILL_CONFORMANCE_DEFECT: JSON.stringify(edits),
  };
  const child = spawn(
    process.execPath,
    ['--conditions=waybill-source', cli, targetFile, '--only', kills.join(','), '--json', file],
    { env },
  );
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => output.push(text));
  const limit = setTimeout(() => child.kill('SIGKILL'), 240_000);
  await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(limit);
  const states = statesIn(file);
  rmSync(directory, { recursive: true });
  return { survived: kills.filter((id) => states.get(id) !== 'fail'), output: output.join('') };
}

function statesIn(file: string): ReadonlyMap<string, string> {
  try {
    const { cases } = JSON.parse(readFileSync(file, 'utf8')) as {
      readonly cases: readonly { readonly id: string; readonly state: string }[];
    };
    return new Map(cases.map(({ id, state }) => [id, state]));
  } catch {
    return new Map();
  }
}

let missed = 0;
const queue = [...chosen];
await Promise.all(
  Array.from({ length: atOnce }, async () => {
    for (let defect = queue.shift(); defect; defect = queue.shift()) {
      const { survived, output } = await runUnder(defect);
      missed += survived.length;
      console.log(
        `${survived.length === 0 ? 'killed  ' : 'SURVIVED'}  ${defect.name}  (${defect.kills.join(', ')})${survived.length === 0 ? '' : `\n  not noticed by ${survived.join(', ')}\n${output}`}`,
      );
    }
  }),
);
const cases = new Set(chosen.flatMap(({ kills }) => kills));
console.log(`${chosen.length} defects, ${cases.size} cases shown to fail, ${missed} not noticed`);
process.exitCode = missed === 0 ? 0 : 1;
