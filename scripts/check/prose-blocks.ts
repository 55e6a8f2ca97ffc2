export type ProseKind = 'page' | 'comment' | 'error' | 'help' | 'test';

interface Sentence {
  /** Its place in the text of the block. */
  readonly at: number;
  readonly text: string;
}

/** A run of prose: a paragraph, a list item, a table row, a comment, a text of an error or of command help. */
export interface ProseBlock {
  readonly kind: ProseKind;
  /** The line it begins on, from 1. */
  readonly line: number;
  /** The prose with its line breaks; a code span is the word `Code`. */
  readonly text: string;
  /** Empty for headings and table rows: those are not sentences. */
  readonly sentences: readonly Sentence[];
}

/** The prose of a Markdown page: no fenced code, no quotes, no HTML comments. */
export function pageBlocks(page: string): readonly ProseBlock[] {
  const prose = withoutCode(blank(blank(page, /^( *)```.*?^\1```$/gms), /<!--.*?-->/gs));
  return runs(prose.split('\n'), (line) => {
    if (line.trim() === '' || /^\s*>/.test(line)) return 'none';
    if (/^\s*(?:\||#)/.test(line)) return 'alone';
    return /^\s*(?:[-*]|\d+\.) /.test(line) ? 'first' : 'more';
  }).map(({ line, text }) => {
    const isSentence = !/^\s*(?:\||#)/.test(text);
    return block('page', line, text.replace(/^\s*(?:[-*]|\d+\.) /, ''), isSentence);
  });
}

/** The section of a changelog that is not released yet, on the lines that it has in the file. */
export function unreleased(changelog: string): string {
  const start = changelog.indexOf('## [Unreleased]');
  if (start < 0) return '';
  const end = changelog.indexOf('\n## ', start + 1);
  const before = changelog.slice(0, start).replaceAll(/[^\n]/g, '');
  return before + changelog.slice(start, end < 0 ? undefined : end);
}

/** The comments of a file of TypeScript or Java; lines that follow each other are one. */
export function commentBlocks(source: string): readonly ProseBlock[] {
  const lines = blank(source, /^( *\* )```.*?^ *\* ```$/gms)
    .split('\n')
    .map(commentOf);
  const prose = lines.map((line) => line ?? '');
  return runs(prose, (line, index) => {
    if (line.trim() === '') return 'none';
    return lines[index - 1] === null ? 'first' : 'more';
  }).map(({ line, text }) => block('comment', line, withoutCode(text)));
}

/** The messages and hints of an error catalogue. */
export function errorBlocks(source: string): readonly ProseBlock[] {
  return texts('error', source, /^\s+(?:message|hint):\s*(?=['"`])/gm);
}

/** The help texts of a command: its summary, and the last text of each record of an option. */
export function helpBlocks(source: string): readonly ProseBlock[] {
  return [
    ...texts('help', source, /^\s+summary:\s*(?=['"`])/gm),
    ...texts(
      'help',
      source,
      /\b(?:flag\(\s*|(?:option|needed|repeated)\([^'"`]*(?:\[?['"`][^'"`]*['"`][^'"`]*)??,\s*)(?=['"`][^'"`\n]* )/g,
    ),
  ];
}

/** The names of tests: each is a rule. */
export function testBlocks(source: string): readonly ProseBlock[] {
  return texts('test', source, /\b(?:test|describe)(?:\.\w+(?:\([^'"`]*\))?)*\(\s*(?=['"`])/g);
}

/** The comments of a program whose comments begin with `#`, and the strings at the start of its functions. */
export function hashBlocks(source: string): readonly ProseBlock[] {
  const spoken = source.replaceAll(/^( *)(?:r|f)?"""(.*?)"""$/gms, (_, space: string, text: string) =>
    text
      .split('\n')
      .map((line) => `${space}# ${line.trim()}`)
      .join('\n'),
  );
  const prose = spoken.split('\n').map((line) => /^\s*#(?!!)(.*)$/.exec(line)?.[1]?.trim() ?? '');
  return runs(prose, (line, index) => {
    if (line === '') return 'none';
    return (prose[index - 1] ?? '') === '' ? 'first' : 'more';
  }).map(({ line, text }) => block('comment', line, withoutCode(text)));
}

function texts(kind: ProseKind, source: string, start: RegExp): readonly ProseBlock[] {
  return [...source.matchAll(start)].map((match) => {
    const from = match.index + match[0].length;
    const quote = source[from] ?? "'";
    const end = new RegExp(`^${quote}((?:\\\\.|[^\\\\${quote}])*)${quote}`, 's').exec(source.slice(from));
    return block(kind, lineAt(source, from), withoutCode(end?.[1] ?? ''));
  });
}

type Place = 'none' | 'alone' | 'first' | 'more';

/** Lines in runs: a line is left out, stands for itself, begins a run, or continues one. */
function runs(lines: readonly string[], placeOf: (line: string, index: number) => Place) {
  const found: { line: number; lines: string[] }[] = [];
  let last: Place = 'none';
  for (const [index, line] of lines.entries()) {
    const place = placeOf(line, index);
    const open = place === 'more' && (last === 'first' || last === 'more') ? found.at(-1) : undefined;
    if (open !== undefined) open.lines.push(line);
    else if (place !== 'none') found.push({ line: index + 1, lines: [line] });
    last = place;
  }
  return found.map(({ line, lines: own }) => ({ line, text: own.join('\n') }));
}

function block(kind: ProseKind, line: number, text: string, isSentence = true): ProseBlock {
  return { kind, line, text, sentences: isSentence ? sentencesOf(text) : [] };
}

/** The sentences of a text. A full stop ends one where white space and no small letter follow. */
export function sentencesOf(text: string): readonly Sentence[] {
  const found: Sentence[] = [];
  let at = 0;
  for (const part of text.split(/(?<=[.!?][)"*]*)(?=\s+[^\s\p{Ll}])/u)) {
    const trimmed = part.trim();
    if (trimmed !== '') found.push({ at: at + part.indexOf(trimmed), text: trimmed.replace(/^[*"(]+/, '') });
    at += part.length;
  }
  return found;
}

/** The prose of a line of TypeScript, null where it has no comment. */
function commentOf(line: string): string | null {
  const whole = /^\s*(?:\/\*\*?|\*\/|\*(?= |$)|\/\/)(.*?)(?:\*\/)?\s*$/.exec(line);
  if (whole !== null) return (whole[1] ?? '').trim().replace(/^@\w+ ?/, '');
  const after = /^(?:[^'"`/]|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`|\/(?!\/))*\s\/\/ (.*)$/.exec(line);
  return after?.[1] ?? null;
}

/** Code spans as one word; their line breaks stay. */
function withoutCode(text: string): string {
  return text.replaceAll(/`[^`]+`/g, (span) => `Code${span.replaceAll(/[^\n]/g, '')}`);
}

/** The text without what matches; the line breaks stay. */
function blank(text: string, pattern: RegExp): string {
  return text.replaceAll(pattern, (match) => match.replaceAll(/[^\n]/g, ''));
}

/** The line of a place in a text, from 1. */
export function lineAt(text: string, at: number): number {
  return text.slice(0, at).split('\n').length;
}
