import { catalogue } from '../src/base/errors/catalogue.ts';
import { exitCodes } from '../src/base/errors/exit-codes.ts';
import type { ErrorRow } from '../src/base/errors/row.ts';

const head = `# Errors

Every error that Headrace gives has a code, a message and a hint: what to do about it. Recognise an error by its code
(\`isHeadraceError(error, 'WINDOW_TEXT')\`), never by its message. The HTTP server answers with the status, the command
line ends with the exit code. A call may be made again *never*, at once (*safe*), or after a while (*later*).

${Object.entries(exitCodes)
  .map(([code, meaning]) => `- exit ${code}: ${meaning}`)
  .join('\n')}

This page is written by \`npm run pages\` from src/base/errors/catalogue.ts; do not edit it by hand.
`;

/** The section of one code. */
export function errorSection(code: string, { message, hint, retry, status, exit }: ErrorRow): string {
  return `### ${code}\n\n\`${message}\`\n\n${hint}.\n\nretry ${retry} · HTTP ${status} · exit ${exit}\n`;
}

/** The page docs/reference/errors.md: the codes by area, in order of the alphabet. */
export function errorsPage(): string {
  const rows: readonly (readonly [string, ErrorRow])[] = Object.entries(catalogue).sort(([a], [b]) => (a < b ? -1 : 1));
  const areas = new Set(rows.map(([code]) => areaOf(code)));
  const chapters = [...areas].map((area) => {
    const sections = rows.filter(([code]) => areaOf(code) === area).map(([code, row]) => errorSection(code, row));
    return `## ${area}\n\n${sections.join('\n')}`;
  });
  return [head, ...chapters].join('\n');
}

function areaOf(code: string): string {
  return code.slice(0, code.indexOf('_'));
}
