/** The part of the Standard Schema specification (version 1) that Waybill uses: Zod, Valibot, ArkType and others fulfil it. */
export interface Schema<In = unknown, Out = In> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Out> | Promise<SchemaResult<Out>>;
    readonly types?: { readonly input: In; readonly output: Out } | undefined;
  };
}
export type SchemaResult<Out> =
  | { readonly value: Out; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}
export type InputOf<S> = S extends Schema<infer In, infer _> ? In : never;
export type OutputOf<S> = S extends Schema<infer _, infer Out> ? Out : never;

/** A schema that checks nothing and only carries a type: `queue('orders', { schema: type<Order>() })`. */
export const type = <T>(): Schema<T, T> => anyValue as Schema<T, T>;

const anyValue: Schema = Object.freeze({
  '~standard': { version: 1, vendor: 'waybill', validate: (value: unknown) => ({ value }) },
} as const);

/** Nothing to check: callers leave the call out. */
export const checksNothing = (schema: Schema | undefined): boolean => schema === undefined || schema === anyValue;

/** Every issue with its place, for an error message. */
export const describeIssues = (issues: readonly SchemaIssue[]): string =>
  issues.map(({ message, path }) => (path?.length ? `${pathOf(path)}: ${message}` : message)).join('; ');

const pathOf = (path: NonNullable<SchemaIssue['path']>): string =>
  path.map((step) => String(typeof step === 'object' ? step.key : step)).join('.');
