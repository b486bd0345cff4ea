import type { Assignment, Program } from './shared/measured.ts';

const raw =
  <Name extends string>(
    name: Name,
    load: () => Promise<{ readonly programs: Readonly<Record<NoInfer<Name>, Program>> }>,
  ) =>
  async (): Promise<{ readonly program: Program }> => ({ program: (await load()).programs[name] });

const programs: Readonly<Record<string, () => Promise<{ readonly program: Program }>>> = {
  'memory/by-hand': () => import('./memory/by-hand.ts'),
  'memory/queue': () => import('./memory/queue.ts'),
  'memory/fan-out': () => import('./memory/fan-out.ts'),
  'memory/destinations': () => import('./memory/destinations.ts'),
  'memory/backlog': () => import('./memory/backlog.ts'),
  'rabbitmq/consume-raw': () => import('./rabbitmq/consume-raw.ts'),
  'rabbitmq/publish-raw': () => import('./rabbitmq/publish-raw.ts'),
  'rabbitmq/end-to-end-raw': () => import('./rabbitmq/end-to-end-raw.ts'),
  'rabbitmq/destinations': () => import('./rabbitmq/destinations.ts'),
  'waybill/consume': () => import('./waybill/consume.ts'),
  'waybill/publish': () => import('./waybill/publish.ts'),
  'waybill/end-to-end': () => import('./waybill/end-to-end.ts'),
  'redis/consume': raw('consume', () => import('./redis/raw.ts')),
  'redis/publish': raw('publish', () => import('./redis/raw.ts')),
  'redis/end-to-end': raw('endToEnd', () => import('./redis/raw.ts')),
  'nats/consume': raw('consume', () => import('./nats/raw.ts')),
  'nats/publish': raw('publish', () => import('./nats/raw.ts')),
  'nats/end-to-end': raw('endToEnd', () => import('./nats/raw.ts')),
  'kafka/consume': raw('consume', () => import('./kafka/raw.ts')),
  'kafka/publish': raw('publish', () => import('./kafka/raw.ts')),
  'kafka/end-to-end': raw('endToEnd', () => import('./kafka/raw.ts')),
  'kafkajs/consume': raw('consume', () => import('./kafka/kafkajs.ts')),
  'kafkajs/publish': raw('publish', () => import('./kafka/kafkajs.ts')),
};

/** Runs one program in this process, which nothing else has run in, and prints what it measured as JSON. */
const assignment = JSON.parse(process.argv[2] ?? 'null') as Assignment;
const load = programs[assignment.program];
if (load === undefined) throw new Error(`There is no program "${assignment.program}"`);
const { program } = await load();
const measured = await program(assignment);
await new Promise((resolve) => process.stdout.write(JSON.stringify(measured), resolve));
process.exit(0);
