import { suggestion } from '../check.ts';
import { invalid } from '../error/error.ts';

/** Each option of a driver: what it wants, in words, and whether a value is that. */
export type OptionChecks<Options> = Readonly<
  Record<keyof Options, readonly [wants: string, holds: (value: unknown) => boolean]>
>;

/**
 * Refuses unknown options and wrong values, before anything connects; `undefined` is as good as absent. The text never
 * shows a value: it may hold a credential. Throws `invalid`.
 */
export function checkOptions<Options extends object>(
  driver: string,
  options: Options,
  checks: OptionChecks<Options>,
): void {
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(checks, name))
      throw invalid(`${driver}() has no option "${name}"${suggestion(name, Object.keys(checks))}`);
    const [wants, holds] = checks[name as keyof Options];
    if (value !== undefined && !holds(value)) throw invalid(`The ${driver} option "${name}" wants ${wants}`);
  }
}

/** A user name, password or path of a URL as it was meant. `where` is the subject of the error: `the URL of a RabbitMQ`. */
export function decodedUrlPart(where: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid(`${where} holds a % that begins no code; write %25 for it`);
  }
}
