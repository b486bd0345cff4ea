import { globSync, readdirSync } from 'node:fs';
import { defineConfig, type TestProjectConfiguration } from 'vitest/config';

/** Packages resolve to their sources, in tests and in the Node processes that tests start. */
const condition = 'waybill-source';
const shared = { pool: 'forks', retry: 0 } as const;

/** A live project talks to real servers: one file at a time, and time to start them. */
const live = { fileParallelism: false, testTimeout: 60_000, hookTimeout: 180_000 } as const;

interface Project {
  readonly name: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly options: typeof live | Record<string, never>;
}

/** `<package>` holds what needs no server; `live:<package>` is everything below `test/live/`. */
function projectsOf(directory: string): Project[] {
  const folder = `packages/${directory}/test`;
  return [
    { name: directory, include: [`${folder}/**/*.test.ts`], exclude: [`${folder}/live/**`], options: {} },
    { name: `live:${directory}`, include: [`${folder}/live/**/*.test.ts`], exclude: [], options: live },
  ];
}

function toConfiguration({ name, include, exclude, options }: Project): TestProjectConfiguration {
  return {
    resolve: { conditions: [condition] },
    ssr: { resolve: { conditions: [condition], externalConditions: [condition] } },
    test: { ...shared, ...options, name, include: [...include], exclude: [...exclude] },
  };
}

const scripts: Project = { name: 'scripts', include: ['scripts/**/*.test.ts'], exclude: [], options: {} };
const faults: Project = { name: 'faults', include: ['faults/test/**/*.test.ts'], exclude: [], options: {} };
const benchmarks: Project = { name: 'benchmarks', include: ['benchmarks/test/**/*.test.ts'], exclude: [], options: {} };
const projects = [...readdirSync('packages').flatMap(projectsOf), scripts, faults, benchmarks];

export default defineConfig({
  test: { projects: projects.filter(({ include }) => globSync([...include]).length > 0).map(toConfiguration) },
});
