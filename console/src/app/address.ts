import { useNavigate, useSearch } from '@tanstack/react-router';

/** The state of a page in its address: texts by name. */
export type Address = Readonly<Record<string, string | undefined>>;

/** The state of the page in the address, and how to change some of it. Undefined takes a name out. */
export function useAddress(): readonly [Address, (changes: Address) => void] {
  const search: Address = useSearch({ strict: false });
  const navigate = useNavigate();
  const change = (changes: Address) => {
    void navigate({ to: '.', search: (before: Address) => ({ ...before, ...changes }), replace: true });
  };
  return [search, change];
}

/** The search of an address: only texts, whatever was written. */
export function textsOf(search: Readonly<Record<string, unknown>>): Address {
  return Object.fromEntries(Object.entries(search).map(([name, value]) => [name, textOf(value)]));
}

function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
