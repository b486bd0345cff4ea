import type { Cleanup } from './cleanup.ts';
import type { BrokerControl } from './target.ts';

const remedy = { kill: 'start', stop: 'start', pause: 'resume', block: 'unblock' } as const;
type Breaking = keyof typeof remedy;

/** The target's controls, with every fault in the evidence, and mended when the case ends. */
export function mendedControls(
  control: BrokerControl,
  cleanup: Cleanup,
  note: (what: string, evidence: string) => void,
): Required<BrokerControl> {
  const broken = new Set<string>();
  const call = async (name: keyof BrokerControl): Promise<string> => {
    const act = control[name];
    if (!act) throw new Error(`this case uses control "${name}" and does not require it`);
    const evidence = await act.call(control);
    note(name, evidence);
    return evidence;
  };
  const breaking = (name: Breaking) => (): Promise<string> => {
    const mend = remedy[name];
    if (!broken.has(mend)) cleanup.add(`the broker after ${name}`, () => broken.has(mend) && call(mend));
    broken.add(mend);
    return call(name);
  };
  const mending = (name: keyof BrokerControl) => async (): Promise<string> => {
    const evidence = await call(name);
    broken.delete(name);
    return evidence;
  };
  return {
    kill: breaking('kill'),
    stop: breaking('stop'),
    pause: breaking('pause'),
    block: breaking('block'),
    start: mending('start'),
    resume: mending('resume'),
    unblock: mending('unblock'),
    disconnect: () => call('disconnect'),
  };
}
