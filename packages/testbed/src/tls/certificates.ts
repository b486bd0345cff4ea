import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  bitString,
  der,
  integer,
  isTrue,
  objectIdentifier,
  octetString,
  sequence,
  set,
  utcTime,
  utf8String,
} from './der.ts';

/** An authority of our own and a server certificate for the name `localhost` only. PEM files. */
export interface Certificates {
  readonly authorityFile: string;
  readonly authority: string;
  readonly certificateFile: string;
  readonly keyFile: string;
}

interface Identity {
  readonly name: string;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const lifetimeMs = 30 * 24 * 60 * 60 * 1_000;
const clockSkewMs = 60 * 60 * 1_000;
const ecdsaWithSha256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'));

export function makeCertificates(directory: string): Certificates {
  mkdirSync(directory, { recursive: true });
  const at = (file: string) => join(directory, file);
  const authority = identity('Waybill testbed authority');
  const server = identity('Waybill testbed server');
  const authorityPem = certificate(authority, authority, [
    extension('2.5.29.19', sequence(isTrue), 'critical'), // basic constraints: an authority
    extension('2.5.29.15', der(0x03, Buffer.from([2, 0x04])), 'critical'), // key usage: signs certificates
    extension('2.5.29.14', octetString(keyIdentifier(authority))),
  ]);
  const serverPem = certificate(server, authority, [
    extension('2.5.29.19', sequence()), // basic constraints: no authority
    extension('2.5.29.17', sequence(der(0x82, Buffer.from('localhost')))), // subject's alternative name: DNS
    extension('2.5.29.37', sequence(objectIdentifier('1.3.6.1.5.5.7.3.1'))), // extended key usage: server
    extension('2.5.29.35', sequence(der(0x80, keyIdentifier(authority)))),
  ]);
  writeFileSync(at('authority.pem'), authorityPem);
  writeFileSync(at('server.pem'), serverPem);
  writeFileSync(at('server.key'), server.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  return {
    authorityFile: at('authority.pem'),
    authority: authorityPem,
    certificateFile: at('server.pem'),
    keyFile: at('server.key'),
  };
}

function identity(name: string): Identity {
  return { name, ...generateKeyPairSync('ec', { namedCurve: 'prime256v1' }) };
}

/** RFC 5280, section 4.1. */
function certificate(subject: Identity, issuer: Identity, extensions: readonly Buffer[]): string {
  const now = Date.now();
  const body = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ecdsaWithSha256,
    distinguishedName(issuer.name),
    sequence(utcTime(new Date(now - clockSkewMs)), utcTime(new Date(now + lifetimeMs))),
    distinguishedName(subject.name),
    subject.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  );
  const signed = sequence(body, ecdsaWithSha256, bitString(sign('sha256', body, issuer.privateKey)));
  const lines = signed.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

function distinguishedName(commonName: string): Buffer {
  return sequence(set(sequence(objectIdentifier('2.5.4.3'), utf8String(commonName))));
}

function extension(id: string, value: Buffer, importance?: 'critical'): Buffer {
  return sequence(objectIdentifier(id), ...(importance === undefined ? [] : [isTrue]), octetString(value));
}

function keyIdentifier({ publicKey }: Identity): Buffer {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 20);
}
