/** Objects frozen with all their contents; an object that a user froze may contain others that are not. */
const frozen = new WeakSet<object>();

/** Freezes data all the way down; functions stay as they are. */
export function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !frozen.has(value)) {
    frozen.add(value);
    Object.freeze(value);
    for (const member of Object.values(value)) freeze(member);
  }
  return value;
}
