/** A sample of predictions to label, as CSV with one column `id` (RFC 4180). */
export function auditText(ids: readonly string[]): string {
  return `${['id', ...ids.map(field)].join('\n')}\n`;
}

/** How many ids such a text has. */
export function auditRows(text: string): number {
  let rows = -1;
  let quoted = false;
  for (const character of text) {
    if (character === '"') quoted = !quoted;
    else if (character === '\n' && !quoted) rows += 1;
  }
  return rows;
}

function field(id: string): string {
  return /[",\r\n]/.test(id) ? `"${id.replaceAll('"', '""')}"` : id;
}
