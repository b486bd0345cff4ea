/** The parts of V8's `.cpuprofile` that a summary reads. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

export interface SelfTime {
  /** Function and place. */
  readonly name: string;
  /** Of the time that the process was not idle. */
  readonly share: number;
}

/** Functions by the time spent in themselves, most first. */
export const byFunction = (profile: CpuProfile): readonly SelfTime[] => summarise(profile, nameOf);

/** The same by package, or what else has the time: Node's own modules, native code, the garbage collector. */
export const byPackage = (profile: CpuProfile): readonly SelfTime[] => summarise(profile, packageOf);

type CallFrame = CpuProfile['nodes'][number]['callFrame'];

function summarise(
  { nodes, samples, timeDeltas }: CpuProfile,
  nameOf: (callFrame: CallFrame) => string,
): readonly SelfTime[] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const times = new Map<string, number>();
  samples.forEach((id, index) => {
    const name = names.get(id) ?? '(unknown)';
    times.set(name, (times.get(name) ?? 0) + (timeDeltas[index] ?? 0));
  });
  times.delete('(idle)');
  const total = [...times.values()].reduce((sum, time) => sum + time, 0);
  return [...times]
    .map(([name, time]) => ({ name, share: time / total }))
    .toSorted((one, other) => other.share - one.share);
}

function nameOf({ functionName, url, lineNumber }: CallFrame): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  return url === '' ? name : `${name}  ${shorten(url)}:${lineNumber + 1}`;
}

function packageOf({ functionName, url }: CallFrame): string {
  if (url === '') return functionName.startsWith('(') && functionName !== '(anonymous)' ? functionName : '(native)';
  if (url.startsWith('node:')) return 'node';
  return shorten(url)
    .replace(/^src\/arms\/.*/, 'the arm itself')
    .replace(/\/.*/, '');
}

/** From the package's name on. */
const shorten = (url: string): string => url.replace(/^.*\/(packages|node_modules|benchmarks)\//, '');
