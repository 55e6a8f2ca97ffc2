/** One refused line of a model's requirements. */
export interface RefusedLine {
  readonly line: string;
  readonly reason: string;
}

/** Requirements that pip may be given, or the line that it may not. */
export type Requirements =
  | { readonly kind: 'lines'; readonly lines: readonly string[] }
  | { readonly kind: 'refused'; readonly refused: RefusedLine };

/** A longer line is none of a person. */
const LONGEST_LINE = 1_000;

/** Lines of one file. */
const MOST_LINES = 2_000;

/**
 * Reads requirements as names with versions, extras and markers. Options, addresses and paths are refused: they would
 * choose another index, run a program of a repository, or read files and variables of this machine.
 */
export function parseRequirements(text: string): Requirements {
  const lines: string[] = [];
  for (const raw of text.split(/\r?\n/, MOST_LINES + 1)) {
    const line = withoutComment(raw).trim();
    // MLflow writes its constraints next to the requirements; both files are read.
    if (line === '' || line === '-c constraints.txt') continue;
    const reason = lines.length >= MOST_LINES ? `there are more than ${MOST_LINES}` : faultOf(line);
    if (reason !== null) return { kind: 'refused', refused: { line: line.slice(0, 200), reason } };
    lines.push(line);
  }
  return { kind: 'lines', lines };
}

function withoutComment(line: string): string {
  if (line.startsWith('#')) return '';
  const at = line.search(/[ \t]#/);
  return at === -1 ? line : line.slice(0, at);
}

function faultOf(line: string): string | null {
  if (line.length > LONGEST_LINE) return `it has more than ${LONGEST_LINE} characters`;
  if (line.startsWith('-')) return 'it is an option of pip';
  if (line.includes('${')) return 'it reads a variable';
  if (line.endsWith('\\')) return 'it continues on the next line';
  const name = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*)/.exec(line)?.[0] ?? '';
  const rest = line.slice(name.length).trim();
  if (name === '' || /^[:/\\]/.test(rest)) return 'it is a path or an address';
  if (rest.startsWith('@') || rest.includes('://')) return 'it is an address';
  if (/\.(whl|zip|tar|gz|egg)$/i.test(name)) return 'it is a file';
  return /^[\w\s.,;<>=!~*+()[\]'"-]*$/.test(rest) ? null : 'it is not a name with versions';
}

/** The Python version and the packages for building that a `python_env.yaml` names. */
export function parsePythonEnv(text: string): { readonly python: string | null; readonly lines: readonly string[] } {
  const python = /^python:[ \t]*["']?(\d+\.\d+(?:\.\d+)?)/m.exec(text)?.[1] ?? null;
  const lines: string[] = [];
  let isBuild = false;
  for (const line of text.split(/\r?\n/, MOST_LINES)) {
    if (/^\S/.test(line) && !line.startsWith('-')) isBuild = line.startsWith('build_dependencies:');
    else if (isBuild) lines.push(line.replace(/^[ \t]*-[ \t]*/, '').trim());
  }
  // The worker's environment has no pip.
  return { python, lines: lines.filter((line) => line !== '' && !/^pip([=<>!~ ]|$)/.test(line)) };
}
