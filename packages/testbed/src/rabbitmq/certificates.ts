import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../install/command.ts';

/** An authority of our own and a server certificate for the name `localhost` only. */
export interface Certificates {
  readonly authorityFile: string;
  readonly authority: string;
  readonly certificateFile: string;
  readonly keyFile: string;
}

const configuration = `
[req]
distinguished_name = name
prompt = no
[name]
CN = Waybill testbed
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = CA:false
subjectAltName = DNS:localhost
extendedKeyUsage = serverAuth
authorityKeyIdentifier = keyid
`;

export async function makeCertificates(tree: string, directory: string): Promise<Certificates> {
  mkdirSync(directory, { recursive: true });
  const at = (file: string) => join(directory, file);
  writeFileSync(at('openssl.cnf'), configuration);
  const openssl = async (command: string, ...files: string[]) =>
    runCommand(join(tree, 'usr/bin/openssl'), [...command.split(' '), ...files], {
      environment: { OPENSSL_CONF: at('openssl.cnf') },
    });
  const newKey = 'req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes';
  await openssl(
    `${newKey} -x509 -days 30 -extensions authority -keyout`,
    at('authority.key'),
    '-out',
    at('authority.pem'),
  );
  await openssl(`${newKey} -keyout`, at('server.key'), '-out', at('server.csr'));
  const signedBy = ['-CA', at('authority.pem'), '-CAkey', at('authority.key'), '-CAcreateserial'];
  const extensions = ['-extfile', at('openssl.cnf'), '-extensions', 'server'];
  await openssl('x509 -req -days 30 -in', at('server.csr'), ...signedBy, ...extensions, '-out', at('server.pem'));
  return {
    authorityFile: at('authority.pem'),
    authority: readFileSync(at('authority.pem'), 'utf8'),
    certificateFile: at('server.pem'),
    keyFile: at('server.key'),
  };
}
