/** A text inside HTML, also inside an attribute with double quotes: whatever it has is shown, and nothing of it is markup. */
export function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** A table whose cells are texts. */
export function htmlTable(heads: readonly string[], rows: readonly (readonly string[])[], name = ''): string {
  const head = heads.map((text) => `<th>${escaped(text)}`).join('');
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${escaped(cell)}`).join('')}`).join('\n');
  return `<div class="scroll"><table class="${name}"><tr>${head}\n${body}</table></div>`;
}

/** An instant, to the minute, UTC. */
export function instantText(at: number): string {
  return new Date(at).toISOString().slice(0, 16).replace('T', ' ');
}

/** A page that needs no network: nothing in it may be loaded, run or sent. */
export function htmlPage(title: string, style: string, body: readonly string[]): string {
  const policy = "default-src 'none'; style-src 'unsafe-inline'";
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><meta name="viewport" content="width=device-width"><title>${escaped(title)}</title><style>${style}</style></head><body>${body.join('\n')}</body></html>\n`;
}
