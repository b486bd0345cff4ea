import type { Assignment, Program } from './shared/measured.ts';

/** Runs one program in this process, which nothing else has run in, and prints what it measured as JSON. */
const programs: Readonly<Record<string, () => Promise<{ readonly program: Program }>>> = {
  'memory/by-hand': () => import('./memory/by-hand.ts'),
  'memory/queue': () => import('./memory/queue.ts'),
  'memory/fan-out': () => import('./memory/fan-out.ts'),
  'memory/destinations': () => import('./memory/destinations.ts'),
  'memory/backlog': () => import('./memory/backlog.ts'),
  'rabbitmq/consume-raw': () => import('./rabbitmq/consume-raw.ts'),
  'rabbitmq/consume-waybill': () => import('./rabbitmq/consume-waybill.ts'),
  'rabbitmq/publish-raw': () => import('./rabbitmq/publish-raw.ts'),
  'rabbitmq/publish-waybill': () => import('./rabbitmq/publish-waybill.ts'),
  'rabbitmq/end-to-end-raw': () => import('./rabbitmq/end-to-end-raw.ts'),
  'rabbitmq/end-to-end-waybill': () => import('./rabbitmq/end-to-end-waybill.ts'),
  'rabbitmq/destinations': () => import('./rabbitmq/destinations.ts'),
};

const assignment = JSON.parse(process.argv[2] ?? 'null') as Assignment;
const load = programs[assignment.program];
if (load === undefined) throw new Error(`There is no program "${assignment.program}"`);
const { program } = await load();
const measured = await program(assignment);
await new Promise((resolve) => process.stdout.write(JSON.stringify(measured), resolve));
process.exit(0);
