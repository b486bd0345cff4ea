import type { Certificate } from './certificate.ts';

export const toJson = (certificate: Certificate): string => `${JSON.stringify(certificate, undefined, 2)}\n`;

/** @throws TypeError where the text is no certificate. */
export function parseCertificate(text: string, where: string): Certificate {
  const value: unknown = JSON.parse(text);
  if (typeof value === 'object' && value !== null && 'cases' in value && 'capabilities' in value && 'proofs' in value)
    return value as Certificate;
  throw new TypeError(
    `${where} is no certificate of this suite; write one with waybill-conformance <url> --json ${where}`,
  );
}
