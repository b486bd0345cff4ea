import type { Credentials } from './server.ts';

/** Of a URL that may name several servers (`scheme://user:password@host:port,host:port`); undefined when it is none. */
export function firstAddress(url: string): URL | undefined {
  const first = url.replace(/(:\d+),[^/?#]*/, '$1');
  return URL.canParse(first) ? new URL(first) : undefined;
}

/** One URL for all, with the credentials of the first. */
export function joinUrls([first = '', ...others]: readonly string[]): string {
  return [first, ...others.map((url) => new URL(url).host)].join(',');
}

export function urlOf(scheme: string, host: string, user: Credentials | undefined): string {
  const login = user === undefined ? '' : `${encodeURIComponent(user.name)}:${encodeURIComponent(user.password)}@`;
  return `${scheme}://${login}${host}`;
}
