const names = ['index', 'capabilities', 'driver', 'sender', 'receiver', 'records', 'topology', 'options'];

/** Every adapter is laid out alike, so that whoever knows one finds their way in the next. */
export const skeleton: readonly string[] = [...names.map((name) => `src/${name}.ts`), 'README.md', 'package.json'];

/** @param adapters the files of each adapter, relative to its folder */
export function checkSkeleton(adapters: ReadonlyMap<string, readonly string[]>): readonly string[] {
  if (adapters.size === 0) return ['packages/adapter-*: no adapter found'];
  return [...adapters].flatMap(([folder, files]) =>
    skeleton.filter((file) => !files.includes(file)).map((file) => `packages/${folder}/${file} is missing`),
  );
}
