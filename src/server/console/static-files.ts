import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, sep } from 'node:path';
import { gzipSync } from 'node:zlib';

/** A built file, as it is sent. */
export interface StaticFile {
  readonly type: string;
  readonly plain: Buffer;
  readonly gzip: Buffer;
}

/** The files of a built folder, by their paths with `/`. A file is read when it is first asked for. */
export interface StaticFiles {
  /** Whether the folder is there. */
  readonly isBuilt: () => boolean;
  readonly get: (name: string) => StaticFile | undefined;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

/** Serves a folder by the names that it has when it is first read: no request names a path of the disk. */
export function staticFiles(folder: string): StaticFiles {
  let names: ReadonlySet<string> | null = null;
  const read = new Map<string, StaticFile>();
  const known = () => {
    if (names === null || names.size === 0) names = namesIn(folder);
    return names;
  };
  return {
    isBuilt: () => known().size > 0,
    get: (name) => {
      if (!known().has(name)) return undefined;
      const file = read.get(name) ?? fileOf(folder, name);
      read.set(name, file);
      return file;
    },
  };
}

function namesIn(folder: string): ReadonlySet<string> {
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    return new Set(
      files.map(({ parentPath, name }) => join(parentPath, name).slice(join(folder, sep).length).replaceAll(sep, '/')),
    );
  } catch {
    return new Set();
  }
}

function fileOf(folder: string, name: string): StaticFile {
  const plain = readFileSync(join(folder, name));
  return { type: TYPES[extname(name)] ?? 'application/octet-stream', plain, gzip: gzipSync(plain) };
}
