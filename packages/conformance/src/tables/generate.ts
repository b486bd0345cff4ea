import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseCertificate } from '../certificate/json.ts';
import { capabilityTable, type Column } from './capability-table.ts';

const start = '<!-- capabilities:start -->';
const end = '<!-- capabilities:end -->';

/** Which certificates stand in which file: all of them at the root, an adapter's own in its README. */
interface Page {
  readonly file: string;
  readonly shows: (name: string) => boolean;
}

/** Packages that are not called after their broker alone. */
const folders: Readonly<Record<string, string>> = {
  kafkajs: 'adapter-kafka',
  memory: 'in-memory',
  redis: 'adapter-redis-streams',
  valkey: 'adapter-redis-streams',
};

function folderOf(certificate: string): string {
  const [broker = certificate] = certificate.split('-');
  return folders[broker] ?? `adapter-${broker}`;
}

/**
 * Writes the tables of capabilities into the READMEs of a repository, from `certificates/*.json`; with `check` writes
 * nothing.
 *
 * @returns the files that differ from what the certificates say: changed now, or wrong.
 * @throws Error where a certificate proves less than a table needs, or a file lacks its marks.
 */
export function generateTables(root: string, { check = false }: { readonly check?: boolean } = {}): readonly string[] {
  const columns = readColumns(join(root, 'certificates'));
  const shown = [...new Set(columns.map(({ name }) => folderOf(name)))];
  const pages: Page[] = [
    { file: 'README.md', shows: () => true },
    ...shown.map((folder) => ({
      file: `packages/${folder}/README.md`,
      shows: (name: string) => folderOf(name) === folder,
    })),
  ];
  return pages
    .filter(({ file, shows }) =>
      update(
        join(root, file),
        columns.filter(({ name }) => shows(name)),
        check,
      ),
    )
    .map(({ file }) => file);
}

interface NamedColumn extends Column {
  readonly name: string;
}

function readColumns(directory: string): readonly NamedColumn[] {
  const files = existsSync(directory) ? readdirSync(directory).filter((file) => file.endsWith('.json')) : [];
  if (files.length === 0)
    throw new Error(
      `no certificate in ${directory}; write one with: npm run conformance -- <target> --json certificates/<adapter>-<line>.json`,
    );
  return files.map((file) => {
    const certificate = parseCertificate(readFileSync(join(directory, file), 'utf8'), file);
    const name = file.replace(/\.json$/, '');
    return { name, heading: headingOf(name, certificate.broker.version), certificate };
  });
}

const titles: Readonly<Record<string, string>> = {
  memory: 'in memory',
  rabbitmq: 'RabbitMQ',
  redis: 'Redis',
  valkey: 'Valkey',
  nats: 'NATS',
  kafka: 'Kafka',
  'kafka-share': 'share groups on Kafka',
  kafkajs: 'kafkajs on Kafka',
};

/** `RabbitMQ 4.3`, from the name of the certificate: its patch version is inside. */
const headingOf = (name: string, version: string): string => {
  const [, adapter = name, line] = /^(.*)-([\d.]+)$/.exec(name) ?? [];
  return [titles[adapter] ?? adapter, line ?? (version === 'unknown' ? '' : version)].filter(Boolean).join(' ');
};

/** Whether the file differed. */
function update(file: string, columns: readonly Column[], check: boolean): boolean {
  const text = readFileSync(file, 'utf8');
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  if (from === -1 || to < from)
    throw new Error(`${file} needs the lines ${start} and ${end}, and the table goes between them`);
  const wanted = `${text.slice(0, from)}${start}\n\n${capabilityTable(columns)}\n\n${text.slice(to)}`;
  if (wanted === text) return false;
  if (!check) writeFileSync(file, wanted);
  return true;
}
