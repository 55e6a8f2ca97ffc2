import type { z } from 'zod';

/**
 * A back end of one port: a line of the port's table, in the folder of the back end. `O` are its options, `P` is its place, `B` what it
 * opens, and `F` names the abilities in which the back ends of the port differ.
 */
export interface BackEndRow<O, P, B, F extends string = never> {
  readonly kind: string;
  /** The folder of its code in src/backends. */
  readonly folder: string;
  /** A clause about it, for people. */
  readonly is: string;
  /** The schema of its options; null: it has none. */
  readonly options: z.ZodObject | null;
  /** The abilities that it has. */
  readonly facts: readonly F[];
  readonly open: (options: O, place: P) => B;
}

/** A row for every kind of the options `U`. */
export type BackEndTable<U extends { readonly kind: string }, P, B, F extends string = never> = {
  readonly [K in U['kind']]: BackEndRow<Extract<U, { readonly kind: K }>, P, B, F>;
};

/** The row of some options. */
export function rowOf<U extends { readonly kind: string }, P, B, F extends string>(
  table: BackEndTable<U, P, B, F>,
  { kind }: U,
): BackEndRow<U, P, B, F> {
  // The compiler does not see that a row takes the options of its own kind.
  return table[kind as U['kind']] as BackEndRow<U, P, B, F>;
}

/** Opens the back end of some options. */
export function openRow<U extends { readonly kind: string }, P, B, F extends string>(
  table: BackEndTable<U, P, B, F>,
  options: U,
  place: P,
): B {
  return rowOf(table, options).open(options, place);
}
