/** A random UUID: unique over processes without coordination. */
export const newId = (): string => crypto.randomUUID();
