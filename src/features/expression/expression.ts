/**
 * An expression over the columns of one event, as plain data. It is compiled to a TypeScript function
 * (`compile.ts`) and to SQL (`../sql/`); both give the same value for every row. NULL follows SQL: an operation on
 * null is null; `and`, `or` and `not` are three-valued.
 */
export type Expression =
  | { readonly kind: 'column'; readonly name: string }
  | { readonly kind: 'literal'; readonly value: string | number | boolean }
  | { readonly kind: 'compare'; readonly op: CompareOp; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'and' | 'or'; readonly of: readonly Expression[] }
  | { readonly kind: 'not'; readonly of: Expression }
  | { readonly kind: 'isNull'; readonly of: Expression }
  /** `then` where `test` is true, else null. */
  | { readonly kind: 'when'; readonly test: Expression; readonly then: Expression }
  /** On int, int64 and decimals of one scale, a product also of a whole number and a decimal; exact. */
  | {
      readonly kind: 'arithmetic';
      readonly op: 'add' | 'subtract' | 'multiply';
      readonly left: Expression;
      readonly right: Expression;
    };

export type CompareOp = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge';
