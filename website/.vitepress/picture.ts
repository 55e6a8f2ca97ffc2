import { renderMermaidSVG } from 'beautiful-mermaid';

const LABEL = 'Diagram of this section';

/**
 * A picture of a Mermaid source, without style elements and fonts of other sites: its colours are those of
 * theme/diagrams.css, so it follows dark and light.
 */
export function picture(source: string): string {
  const svg = renderMermaidSVG(source)
    .replaceAll(/<style>.*?<\/style>/gs, '')
    .replace(/ style="--bg[^"]*"/, ` role="img" aria-label="${LABEL}"`);
  return `<div class="diagram" v-pre>${svg.replaceAll(/\n\s*/g, '')}</div>\n`;
}
