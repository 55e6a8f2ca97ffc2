/** A test that the gate leaves to `npm run test:deep`. */
export const deep = { tags: ['deep'] };

/** As `deep`, of the rows for which it holds. */
export function deepIf(isDeep: boolean): { readonly tags: string[] } {
  return { tags: isDeep ? ['deep'] : [] };
}
