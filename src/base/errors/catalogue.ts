import { declarationErrors } from './declaration.ts';

/** Every error a user can meet, by code. docs/reference/errors.md is checked against it in both directions. */
export const catalogue = { ...declarationErrors } as const;
