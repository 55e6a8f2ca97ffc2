/** A sample of predictions to label, as CSV with one column `id` (RFC 4180). */
export function auditText(ids: readonly string[]): string {
  return `${['id', ...ids.map(field)].join('\n')}\n`;
}

/** How many ids such a text has. */
export function auditRows(text: string): number {
  return auditIds(text).length;
}

/** The ids of such a text, in its order. */
export function auditIds(text: string): readonly string[] {
  const fields: string[] = [];
  let start = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    if (text[i] === '"') quoted = !quoted;
    else if (text[i] === '\n' && !quoted) {
      fields.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return fields.slice(1).map((one) => (one.startsWith('"') ? one.slice(1, -1).replaceAll('""', '"') : one));
}

function field(id: string): string {
  return /[",\r\n]/.test(id) ? `"${id.replaceAll('"', '""')}"` : id;
}
