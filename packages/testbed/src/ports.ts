// All below 32768, where the kernel picks ports for outgoing connections: a probe could otherwise connect to itself.
// Servers and proxies keep apart, so that neither takes a port which the other gave up for a while.

export const serverPorts = { first: 22_000, last: 32_000 } as const;
export const proxyPorts = { first: 20_000, last: 21_999 } as const;
