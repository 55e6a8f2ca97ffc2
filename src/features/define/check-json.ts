import { fail } from '../../base/errors/fail.ts';

/** Options that are stored as written: a value that JSON would change is rejected. Error: MODEL_OPTION. */
export function checkJson(model: string, option: string, value: unknown): void {
  const path = foreignPath(value, option, new Set());
  if (path !== null) throw fail('MODEL_OPTION', { model, option: path });
}

/** Where a value holds what JSON cannot: a function, a bigint, NaN, an instance of a class, itself. */
function foreignPath(value: unknown, path: string, around: ReadonlySet<unknown>): string | null {
  if (value === null || value === undefined || typeof value === 'string' || typeof value === 'boolean') return null;
  if (typeof value === 'number') return Number.isFinite(value) ? null : path;
  if (typeof value !== 'object' || around.has(value) || !isPlain(value)) return path;
  const within = new Set([...around, value]);
  for (const [name, member] of Object.entries(value)) {
    const found = foreignPath(member, `${path}.${name}`, within);
    if (found !== null) return found;
  }
  return null;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === Array.prototype || prototype === null;
}
