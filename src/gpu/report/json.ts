/** A report as JSON on one line: NaN and infinities are null, maps are objects. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, (_, part: unknown) => (part instanceof Map ? Object.fromEntries(part) : part))}\n`;
}
