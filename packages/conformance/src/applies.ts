import { connect, type Destination, type Driver, type Kind, type Needs, WaybillError } from '@waybill/core';
import type { Case, Control, Facts } from './case.ts';
import { destinationOf } from './destination-of.ts';
import type { State } from './states.ts';
import type { Profile, Target } from './target.ts';
import { within } from './waits.ts';
import { noTraffic, watched } from './watch.ts';

const closeMs = 15_000;

/** Why a case does not run, and what that makes its state; nothing where it runs. */
export interface Verdict {
  readonly state: Exclude<State, 'pass' | 'unknown'>;
  readonly reason: string;
}

/** Decides by asking the broker where it can be asked; what was refused once is not asked again. */
export class Applicability {
  readonly #facts: Facts;
  readonly #target: Target;
  readonly #name: string;
  readonly #refusals = new Map<string, Promise<Verdict | undefined>>();

  constructor(target: Target, facts: Facts, run: string) {
    this.#target = target;
    this.#facts = facts;
    this.#name = `wbc-${run}-refusal`;
  }

  async of({ requires }: Case): Promise<Verdict | undefined> {
    const { kind, needs = {}, able, controls = [] } = requires;
    if (kind !== undefined) {
      const refused = await this.#refusalOf(kind, needs);
      if (refused) return refused;
    }
    const unable = able?.(this.#facts);
    if (unable !== undefined) return { state: 'not-applicable', reason: unable };
    return this.#withoutControl(controls);
  }

  #withoutControl(controls: readonly Control[]): Verdict | undefined {
    const { profile } = this.#target;
    const senseless = controls.find((control) => reasonAgainst(control, profile) !== undefined);
    if (senseless) return { state: 'not-applicable', reason: reasonAgainst(senseless, profile)! };
    const missing = controls.filter((control) => !hasControl(this.#target, control));
    return missing.length === 0 ? undefined : { state: 'not-run', reason: `no control: ${missing.join(', ')}` };
  }

  #refusalOf(kind: Kind, needs: Needs): Promise<Verdict | undefined> {
    const isMissing = this.#facts.capabilities[kind] === 'none';
    if (!isMissing && Object.keys(needs).length === 0) return Promise.resolve(undefined);
    const key = `${kind} ${JSON.stringify(needs)}`;
    const known = this.#refusals.get(key) ?? proveRefusal(this.#target.driver, destinationOf(kind, this.#name, needs));
    this.#refusals.set(key, known);
    return known;
  }
}

/** Why a fault means nothing to this deployment, rather than only being out of the harness's reach. */
function reasonAgainst(control: Control, { durable, reach, blocks }: Profile): string | undefined {
  const isEnd = control === 'kill' || control === 'stop';
  if (isEnd && durable === 'none') return 'this deployment does not claim that anything survives the end of the broker';
  if (control === 'block' && blocks === 'never')
    return 'this broker has no state in which it stops reading what is published';
  if (reach !== 'process') return undefined;
  if (control === 'child') return 'no other process can reach this broker';
  if (control === 'proxy') return 'there is no network before a broker inside the process';
  if (control === 'block') return 'a broker inside the process never stops reading';
  return undefined;
}

/** Whether the harness can do it. */
export const hasControl = ({ control, proxy, url }: Target, wanted: Control): boolean => {
  if (wanted === 'proxy') return proxy !== undefined;
  if (wanted === 'child') return url !== undefined;
  return control?.[wanted] !== undefined;
};

/** A broker that cannot must say so by name, with a way out, and before anything is declared, sent or received. */
export async function proveRefusal(driver: Target['driver'], destination: Destination): Promise<Verdict | undefined> {
  const traffic = noTraffic();
  try {
    // `assume` looks at nothing on the broker and makes nothing: a need that is met leaves nothing behind.
    const bus = await connect<Driver, { it: Destination }>(
      watched(await driver(), traffic),
      { it: destination },
      { topology: 'assume', observe: () => undefined },
    );
    await within(`closing a bus with a ${destination.kind}`, bus.close(), closeMs);
    return undefined;
  } catch (error) {
    if (!WaybillError.is(error))
      return {
        state: 'fail',
        reason: `refusing ${destination.kind} ${JSON.stringify(destination.needs)} rejected with ${String(error)}, which is no WaybillError`,
      };
    return judgeRefusal(error, destination, traffic.declared.length + traffic.sent + traffic.receivers);
  }
}

function judgeRefusal(error: WaybillError, destination: Destination, sideEffects: number): Verdict {
  const problems = [
    ...(error.code === 'unsupported' ? [] : [`the code is ${error.code}, not unsupported`]),
    ...(error.message.includes(destination.name) ? [] : ['the destination is not named']),
    ...(/instead/i.test(error.message) ? [] : ['no way out is named']),
    ...(sideEffects === 0 ? [] : [`${sideEffects} side effects came before it`]),
  ];
  if (problems.length > 0) return { state: 'fail', reason: `a bad refusal: ${problems.join(', ')}: ${error.message}` };
  return { state: 'refused', reason: error.message.split('\n').at(-1)!.trim() };
}
