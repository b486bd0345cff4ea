import { X509Certificate, createPrivateKey } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeCertificates, type Certificates } from '../src/tls/certificates.ts';

let directory: string;
let made: Certificates;
let authority: X509Certificate;
let server: X509Certificate;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'waybill-certificates-'));
  made = makeCertificates(directory);
  authority = new X509Certificate(made.authority);
  server = new X509Certificate(await readFile(made.certificateFile));
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

test('the authority signs itself and the server, and only it may sign', () => {
  expect(authority.ca).toBe(true);
  expect(server.ca).toBe(false);
  expect(authority.verify(authority.publicKey)).toBe(true);
  expect(server.verify(authority.publicKey)).toBe(true);
  expect(server.verify(server.publicKey)).toBe(false);
  expect(server.checkIssued(authority)).toBe(true);
});

test('the server is who has the key, is called localhost, and nothing else', async () => {
  expect(server.checkPrivateKey(createPrivateKey(await readFile(made.keyFile)))).toBe(true);
  expect(server.checkHost('localhost')).toBe('localhost');
  expect(server.checkIP('127.0.0.1')).toBeUndefined();
  expect(server.subjectAltName).toBe('DNS:localhost');
});

test('both are valid now and for a month, and no two have the same number', () => {
  for (const { validFrom, validTo } of [authority, server]) {
    const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
    expect(from).toBeLessThan(Date.now());
    expect(to - Date.now()).toBeGreaterThan(29 * 86_400_000);
    expect(to - Date.now()).toBeLessThan(31 * 86_400_000);
  }
  const other = new X509Certificate(makeCertificates(join(directory, 'other')).authority);
  expect(new Set([authority, server, other].map(({ serialNumber }) => serialNumber)).size).toBe(3);
});
