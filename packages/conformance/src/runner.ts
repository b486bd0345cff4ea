import type { Certificate } from './certificate/certificate.ts';
import { openSession, type RunOptions } from './session.ts';
import type { Target } from './target.ts';

/** Runs the suite on one broker. Rejects only where the broker cannot be reached; failures are in the certificate. */
export async function runConformance(target: Target, options: RunOptions = {}): Promise<Certificate> {
  const session = await openSession(target, options);
  try {
    await session.all();
    return session.certificate();
  } finally {
    await session.close();
  }
}
