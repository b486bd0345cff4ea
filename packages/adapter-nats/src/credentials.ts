import {
  type Authenticator,
  credsAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node';
import { WaybillError } from '@waybill/core/driver';

export type NatsCredentials =
  | { readonly username: string; readonly password: string }
  | { readonly token: string }
  /** The seed of a user's key, which begins with `SU`. */
  | { readonly nkeySeed: string }
  /** The text of a `.creds` file: the user's JWT and seed. */
  | { readonly credentialsFile: string };

/** What there is, in words. */
export const credentialForms =
  '{ username, password }, { token }, { nkeySeed } or { credentialsFile } with the text of that file';
const forms: readonly (readonly string[])[] = [['username', 'password'], ['token'], ['nkeySeed'], ['credentialsFile']];

export const isCredentials = (value: unknown): value is NatsCredentials =>
  typeof value === 'object' &&
  forms.some((names) => names.every((name) => isText((value as Readonly<Record<string, unknown>> | null)?.[name])));
const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';

/** How the client proves who it is. Throws `invalid`, without a word of them, for credentials that no server can take. */
export function authenticatorOf(credentials: NatsCredentials): Authenticator {
  if (!isCredentials(credentials))
    throw new WaybillError('invalid', `The nats option "credentials" wants a function that returns ${credentialForms}`);
  if ('token' in credentials) return tokenAuthenticator(credentials.token);
  if ('nkeySeed' in credentials)
    return proven(
      nkeyAuthenticator(Buffer.from(credentials.nkeySeed.trim())),
      '"nkeySeed" that is no seed of a user: it begins with SU and has 58 letters and digits',
    );
  if ('credentialsFile' in credentials)
    return proven(
      credsAuthenticator(Buffer.from(withLastLine(credentials.credentialsFile))),
      '"credentialsFile" that cannot be read: it wants the text of a .creds file, with the JWT and the seed of a user, not its path',
    );
  return usernamePasswordAuthenticator(credentials.username, credentials.password);
}

/** The client looks at them while it connects, and what it finds wrong there is lost in a timeout. */
function proven(authenticator: Authenticator, wrong: string): Authenticator {
  if (isUsers(authenticator)) return authenticator;
  throw new WaybillError('invalid', `The nats option "credentials" has a ${wrong}`);
}

/** Signs something. What the client says about keys that it cannot read may show them. */
function isUsers(authenticator: Authenticator): boolean {
  try {
    const signed = authenticator('nonce');
    return typeof signed === 'object' && 'nkey' in signed && signed.nkey.startsWith('U');
  } catch {
    return false;
  }
}

/** The client reads every line to its end, so the last one needs one too. */
const withLastLine = (text: string): string => `${text.replaceAll('\r\n', '\n').trimEnd()}\n`;
