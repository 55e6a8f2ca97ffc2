/**
 * One rule of a port as something that can be run: by the tests on every back end, by third parties on theirs, and by
 * `headrace verify` on a live one. `Subject` opens what is tested; a contract that needs what a back end lacks is skipped.
 */
export interface Contract<Subject, Need extends string = never> {
  /** Number of the rule in the port's comment. */
  readonly rule: number;
  /** The rule as a sentence. */
  readonly name: string;
  /** Capabilities without which the rule says nothing. */
  readonly needs: readonly Need[];
  /** Throws where the rule is broken. Each run gets a fresh subject. */
  readonly run: (subject: Subject) => Promise<void>;
}

/** Throws unless two values of plain data are equal; distinguishes bigint, bytes, NaN and -0 from similar values. */
export function mustEqual(actual: unknown, expected: unknown, what: string): void {
  const found = canonical(actual);
  const wanted = canonical(expected);
  if (found !== wanted) throw new Error(`${what}: found ${found}, not ${wanted}`);
}

/** Throws unless the work fails with a catalogued code; returns the error. */
export async function mustFail(code: string, work: () => unknown, what: string): Promise<Error> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === code) return error;
    throw new Error(`${what}: failed with ${String(error)}, not ${code}`, { cause: error });
  }
  throw new Error(`${what}: did not fail with ${code}`);
}

function canonical(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (value instanceof Uint8Array) return `bytes(${[...value].join(' ')})`;
  if (Array.isArray(value)) return `[${value.map(canonical).join(', ')}]`;
  if (typeof value !== 'object' || value === null)
    return typeof value === 'string' ? JSON.stringify(value) : String(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, each]) => `${name}: ${canonical(each)}`).join(', ')}}`;
}
