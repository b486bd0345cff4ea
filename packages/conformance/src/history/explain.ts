import { describeEvent, factsOf, number } from './describe.ts';
import { ANOMALIES, type Anomaly, type AnomalyClass, type Verdict } from './verdict.ts';

/** A verdict for a terminal: plain text, no colours, the outcome on the first line. */
export function explain(verdict: Verdict): string {
  const facts = factsOf(verdict).map(([label, fact]) => `  ${label.padEnd(12)}${fact}`);
  const faults = verdict.faults.map(
    ({ fault, kind, evidence }) => `    ${fault}: ${kind}; ${evidence.join('; ') || 'no evidence'}`,
  );
  const doubts = verdict.doubts.map((doubt) => `  ${'doubt'.padEnd(12)}${doubt}`);
  const found = classesOf(verdict).flatMap((name) => ['', ...explainClass(verdict, name)]);
  return [verdict.outcome.toUpperCase(), ...facts, ...faults, ...doubts, ...found, ''].join('\n');
}

function explainClass(verdict: Verdict, name: AnomalyClass): string[] {
  const { shown, total } = of(verdict, name);
  const lines = shown.flatMap((anomaly) => [
    `    ${titleOf(anomaly)}`,
    ...anomaly.witness.map((event) => `      ${describeEvent(event, verdict.beganAt)}`),
  ]);
  const rest = total - shown.length;
  return [
    `  ${name} × ${number(total)}: ${ANOMALIES[name]}`,
    ...lines,
    ...(rest > 0 ? [`    and ${number(rest)} more`] : []),
  ];
}

/** A verdict for a report, in Markdown. */
export function explainInMarkdown(verdict: Verdict): string {
  const facts = factsOf(verdict).map(([label, fact]) => `| ${label} | ${cell(fact)} |`);
  const doubts = verdict.doubts.map((doubt) => `- Doubt: ${doubt}`);
  return [
    `**${verdict.outcome}**`,
    '',
    ...['| | |', '|---|---|', ...facts],
    ...(doubts.length > 0 ? ['', ...doubts] : []),
    ...faultTable(verdict),
    ...classesOf(verdict).flatMap((name) => ['', ...explainClassInMarkdown(verdict, name)]),
    '',
  ].join('\n');
}

function faultTable({ faults, beganAt }: Verdict): string[] {
  if (faults.length === 0) return [];
  const rows = faults.map(({ fault, kind, target, beganAt: from, healedAt, evidence }) => {
    const length = healedAt === undefined ? 'never healed' : `${(healedAt - from).toFixed(0)} ms`;
    return `| ${cell(fault)} | ${cell(kind)} | ${cell(target ?? '')} | +${(from - beganAt).toFixed(0)} ms | ${length} | ${cell(evidence.join('; '))} |`;
  });
  return ['', '| fault | kind | target | began | lasted | evidence |', '|---|---|---|---|---|---|', ...rows];
}

function explainClassInMarkdown(verdict: Verdict, name: AnomalyClass): string[] {
  const { shown, total } = of(verdict, name);
  const lines = shown.flatMap((anomaly) => [
    `- ${titleOf(anomaly)}`,
    ...['  ```', ...anomaly.witness.map((event) => `  ${describeEvent(event, verdict.beganAt)}`), '  ```'],
  ]);
  const rest = total - shown.length;
  return [
    `### ${name} × ${number(total)}`,
    '',
    `${ANOMALIES[name]}.`,
    '',
    ...lines,
    ...(rest > 0 ? [`- and ${number(rest)} more`] : []),
  ];
}

function cell(value: string): string {
  return value.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function classesOf({ counts }: Verdict): AnomalyClass[] {
  return (Object.keys(ANOMALIES) as AnomalyClass[]).filter((name) => (counts.anomalies[name] ?? 0) > 0);
}

function of(
  { anomalies, counts }: Verdict,
  name: AnomalyClass,
): { readonly shown: readonly Anomaly[]; readonly total: number } {
  return { shown: anomalies.filter((anomaly) => anomaly.class === name), total: counts.anomalies[name] ?? 0 };
}

function titleOf({ means, message, subscription, detail }: Anomaly): string {
  const where = [message, subscription].filter((part) => part !== undefined).join(' in ');
  return `${means === 'invalid' ? '' : `(${means}) `}${where}: ${detail}`;
}
