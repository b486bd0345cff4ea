import { firstAddress } from './addresses.ts';
import { TestbedError } from './errors.ts';
import { isOfLine, type Progress, type Recipe } from './install/recipe.ts';
import type { ProcessMembers } from './server.ts';

/** What the testbed must know of a kind of server to find the right one. */
export interface Product<Line extends string> {
  /** As its makers write it. */
  readonly name: string;
  /** The first one is the default of the command line. */
  readonly lines: readonly Line[];
  /** A server at the URL in this variable is used instead of one of our own. */
  readonly urlVariables: Readonly<Record<Line, string>>;
  readonly schemes: readonly string[];
  readonly exampleUrl: string;
  readonly recipe: (line: Line) => Recipe;
  /** The version that the server at a URL reports of itself. */
  readonly probe: (url: string) => Promise<string>;
}

/** What every server can be asked for. */
export interface CommonOptions<Line extends string> {
  readonly line: Line;
  /** Part of the name of its data directory. Default: kind and line. */
  readonly name?: string;
  /** Also listen with TLS. Default: false. */
  readonly tls?: boolean;
  /** Told what takes time: downloads above all. */
  readonly onProgress?: Progress;
}

/** A server that somebody else runs: to be used, not to be controlled. */
export interface Given {
  readonly url: string;
  readonly version: string;
  /** The error for a wish that only a server of our own can fulfil. */
  readonly refuse: (wish: string) => TestbedError;
}

/** The server that the environment names for this line; undefined when it names none. */
export async function givenServer<Line extends string>(product: Product<Line>, line: Line): Promise<Given | undefined> {
  const { name, lines, urlVariables } = product;
  if (!lines.includes(line))
    throw new TestbedError(`no ${name} line ${line} in the testbed; choose one of ${lines.join(', ')}`);
  const variable = urlVariables[line];
  const url = process.env[variable];
  if (!url) return undefined;
  const version = await versionAt(product, url, variable);
  if (!isOfLine(version, line)) {
    throw new TestbedError(
      `${variable} names a ${name} ${version}, but line ${line} is needed; correct the variable or unset it`,
    );
  }
  const reason = `this server is the one that ${variable} names; unset the variable to use one that the testbed controls`;
  return { url, version, refuse: (wish) => new TestbedError(`cannot ${wish}: ${reason}`) };
}

async function versionAt(
  { name, schemes, exampleUrl, probe }: Omit<Product<string>, 'recipe'>,
  url: string,
  variable: string,
): Promise<string> {
  const address = firstAddress(url);
  if (address === undefined || !schemes.includes(address.protocol))
    throw new TestbedError(`${variable} is no URL of a ${name}; write it as ${exampleUrl}`);
  return probe(url).catch((error: Error) => {
    throw new TestbedError(
      `no ${name} answers at ${address.host}, which ${variable} names: ${error.message}; start it or unset the variable`,
      { cause: error },
    );
  });
}

/** The members of a server whose process belongs to somebody else. */
export function withoutProcess(refuse: (wish: string) => TestbedError) {
  return {
    controls: 'none',
    pid: undefined,
    exited: undefined,
    stop: () => Promise.reject(refuse('stop it')),
    kill: () => Promise.reject(refuse('kill it')),
    restart: () => Promise.reject(refuse('restart it')),
    pause: () => Promise.reject(refuse('pause it')),
    resume: () => Promise.reject(refuse('resume it')),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  } as const satisfies ProcessMembers;
}
