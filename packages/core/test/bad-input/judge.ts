import { WaybillError } from '../../src/index.ts';

/**
 * What each call is refused with, one block a case: the case, its code, its message. Throws when one is not refused, or
 * is refused with another error than ours.
 */
export async function judged(cases: Readonly<Record<string, () => unknown>>): Promise<string> {
  const blocks: string[] = [];
  const unjudged: string[] = [];
  for (const [name, call] of Object.entries(cases)) {
    const error = await refusal(call);
    if (WaybillError.is(error)) blocks.push(`${name}\n  ${error.code}: ${error.message.replaceAll('\n', '\n  ')}`);
    else
      unjudged.push(
        `${name}: ${error === undefined ? 'not refused' : `not one of our errors: ${error instanceof Error ? error.message : typeof error}`}`,
      );
  }
  if (unjudged.length > 0) throw new Error(unjudged.join('\n'));
  return `\n${blocks.join('\n')}\n`;
}

async function refusal(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return undefined;
  } catch (error) {
    return error;
  }
}
