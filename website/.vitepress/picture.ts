import { renderMermaidSVG } from 'beautiful-mermaid';

const LABEL = 'Diagram of this section';

/**
 * A picture of a Mermaid source, without style elements and fonts of other sites: its colours are those of
 * theme/pages.css, so it follows dark and light.
 */
export function picture(source: string): string {
  const known = drawn.get(source) ?? draw(source);
  drawn.set(source, known);
  return known;
}

/** Each page is read three times: for the browser, for its HTML and for the search. */
const drawn = new Map<string, string>();

function draw(source: string): string {
  const svg = renderMermaidSVG(source)
    .replaceAll(/<style>.*?<\/style>/gs, '')
    .replace(/ style="--bg[^"]*"/, ` role="img" aria-label="${LABEL}"`);
  return `<div class="diagram" v-pre>${svg.replaceAll(/\n\s*/g, '')}</div>\n`;
}
