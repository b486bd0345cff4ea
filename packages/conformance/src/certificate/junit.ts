import type { Result } from '../result.ts';
import { isBad, type State } from '../states.ts';
import type { Certificate } from './certificate.ts';

/** JUnit has no word for our states: `refused` passes with a property, what did not run is skipped with its state. */
export function toJunit({ suite, broker, run, cases }: Certificate): string {
  const total = (states: readonly State[]): number => cases.filter(({ state }) => states.includes(state)).length;
  const attributes = attributesOf({
    name: `${suite.name} on ${broker.target} ${broker.version}`,
    tests: cases.length,
    failures: total(['fail']),
    errors: total(['unknown']),
    skipped: total(['not-applicable', 'not-run']),
    timestamp: run.startedAt,
    time: seconds(run.durationMs),
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuite ${attributes}>\n${cases.map(testCase).join('')}</testsuite>\n`;
}

function testCase(result: Result): string {
  const attributes = attributesOf({
    classname: result.group,
    name: `${result.id} ${result.title}`,
    time: seconds(result.durationMs),
  });
  return `  <testcase ${attributes}>\n    <properties>${properties(result)}</properties>\n${outcome(result)}  </testcase>\n`;
}

const properties = ({ state, assertions, evidence }: Result): string =>
  Object.entries({ state, assertions, ...evidence })
    .map(([name, value]) => `<property ${attributesOf({ name, value })}/>`)
    .join('');

function outcome({ state, reason = '', stack = '' }: Result): string {
  if (state === 'pass' || state === 'refused') return '';
  const message = attributesOf({ message: `${state}: ${reason}` });
  if (!isBad(state)) return `    <skipped ${message}/>\n`;
  return state === 'fail' ? `    <failure ${message}>${escape(stack)}</failure>\n` : `    <error ${message}/>\n`;
}

const seconds = (ms: number): string => (ms / 1000).toFixed(3);

const attributesOf = (values: Readonly<Record<string, unknown>>): string =>
  Object.entries(values)
    .map(([name, value]) => `${name}="${escape(String(value))}"`)
    .join(' ');

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\n': '&#10;',
};

/** Control characters have no place in XML, escaped or not. */
const escape = (text: string): string =>
  text
    .replaceAll(/[&<>"\n]/g, (character) => entities[character]!)
    .replaceAll(/[\u0000-\u0009\u000b-\u001f]/g, '\ufffd');
