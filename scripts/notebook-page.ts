import { readFileSync } from 'node:fs';
import { root } from './run-command.ts';

/** An output of a cell: printed text, or the value of its last line. */
type Output =
  | { readonly output_type: 'stream'; readonly text: readonly string[] }
  | {
      readonly output_type: 'execute_result' | 'display_data';
      readonly data: Readonly<Record<string, readonly string[]>>;
    };

type Cell =
  | { readonly cell_type: 'markdown'; readonly source: readonly string[] }
  | { readonly cell_type: 'code'; readonly source: readonly string[]; readonly outputs: readonly Output[] };

/** The notebook of the first day, with the outputs of its last run. */
export const NOTEBOOK = 'examples/notebook/first-day.ipynb';

/** The notebook as a page: cells, and their outputs as text. */
export function notebookPage(): string {
  const { cells } = JSON.parse(readFileSync(`${root}/${NOTEBOOK}`, 'utf8')) as { readonly cells: readonly Cell[] };
  const [first = '', ...parts] = cells.map(cellText);
  const note = `This page is written by \`npm run pages\` from \`${NOTEBOOK}\`, which runs in Jupyter. The reports of \`compare\`, \`diagnose\` and
\`plan_cost\` show their pages there.`;
  return `${[first, note, ...parts].join('\n\n')}\n`;
}

function cellText(cell: Cell): string {
  const source = cell.source.join('').trimEnd();
  if (cell.cell_type === 'markdown') return source;
  const shown = cell.outputs.map(outputText).join('\n').trimEnd();
  const block = `\`\`\`python\n${source}\n\`\`\``;
  return shown === '' ? block : `${block}\n\n\`\`\`text\n${shown}\n\`\`\``;
}

function outputText(output: Output): string {
  if (output.output_type === 'stream') return output.text.join('').trimEnd();
  return (output.data['text/plain'] ?? []).join('').trimEnd();
}
