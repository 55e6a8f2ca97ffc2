import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, extname, isAbsolute, join, relative, resolve } from 'node:path';
import { importedFiles } from './imported-files.ts';

/** A larger file is data: its digest counts, its text is not looked at for imports. */
const LARGEST_TEXT = 2 ** 20;

/** A program as evidence knows it. */
export interface ProgramFacts {
  readonly command: string[];
  readonly files: Record<string, string>;
}

/**
 * The words of a command and the digests of the files that they name, and that those import, as far as the text of Python, TypeScript,
 * JavaScript and shell files shows it. Launchers before the first file (`python3`, `torchrun --nproc-per-node 8`) are left out;
 * variables that are set for the program stay. Packages that are installed elsewhere are not followed.
 */
export function programFacts(words: readonly string[], folder: string): ProgramFacts {
  const files = new Map<string, string>();
  const named = words.map((word) => namedFile(word, folder));
  const module = moduleFile(words, folder);
  const waiting = [...named, module].filter((path) => path !== null);
  const roots = [...new Set([folder, ...waiting.map((path) => dirname(path))])];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const key = keyOf(path, folder);
    if (files.has(key)) continue;
    const bytes = readFileSync(path);
    files.set(key, createHash('sha256').update(bytes).digest('hex'));
    if (bytes.length <= LARGEST_TEXT)
      waiting.push(...importedFiles({ path, text: bytes.toString('utf8'), roots }).filter(isFile));
  }
  return {
    command: ownWords(words, named, folder),
    files: Object.fromEntries([...files].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

/** The program and its arguments; files of the folder by their place in it. */
function ownWords(words: readonly string[], named: readonly (string | null)[], folder: string): string[] {
  const programs = new Set(['.py', '.ts', '.mts', '.js', '.mjs', '.sh', '']);
  const first = named.findIndex((path) => path !== null && programs.has(extname(path)));
  return words.flatMap((word, index) => {
    if (index < first && !/^[A-Za-z_][A-Za-z0-9_]*=/.test(word)) return [];
    const path = named[index] ?? null;
    const at = word.indexOf('=');
    if (path === null) return [word];
    return [word.startsWith('-') && at > 0 ? `${word.slice(0, at + 1)}${keyOf(path, folder)}` : keyOf(path, folder)];
  });
}

/** A file that a word names, also after `--option=`; a program of the search path is none. */
function namedFile(word: string, folder: string): string | null {
  const at = word.startsWith('-') ? word.indexOf('=') : -1;
  const text = at > 0 ? word.slice(at + 1) : word;
  if (text === '' || !/[./]/.test(text)) return null;
  const path = resolve(folder, text);
  return isFile(path) && !isInterpreter(text) ? path : null;
}

/** An absolute path without an ending is a program of the system: `/usr/bin/python3`. */
function isInterpreter(text: string): boolean {
  return isAbsolute(text) && /^\/(usr|bin|opt|nix)\//.test(text);
}

/** The file of `python -m package.module`. */
function moduleFile(words: readonly string[], folder: string): string | null {
  const at = words.indexOf('-m');
  const name = at < 0 ? undefined : words[at + 1];
  if (name === undefined || !/^[A-Za-z_][A-Za-z0-9_.]*$/.test(name)) return null;
  const base = join(folder, ...name.split('.'));
  return [`${base}.py`, join(base, '__main__.py')].find(isFile) ?? null;
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}

/** The place of a file below a folder; its own name where it is elsewhere, so that it is the same on each machine. */
function keyOf(path: string, folder: string): string {
  const place = relative(folder, path);
  return place.startsWith('..') || isAbsolute(place) ? basename(path) : place;
}
