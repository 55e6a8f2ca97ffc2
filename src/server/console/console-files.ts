import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { fail } from '../../base/errors/fail.ts';

/** One built file of the console, as it is sent. */
export interface ConsoleFile {
  readonly type: string;
  readonly plain: Buffer;
  readonly gzip: Buffer;
}

/** The same place seen from the source and from the build. */
const FOLDER = fileURLToPath(new URL('../../../dist/console/', import.meta.url));

/** Files next to `index.html` that it loads. */
const ASSETS = 'console';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
};

let read: ReadonlyMap<string, ConsoleFile> | null = null;

/** The page of the console. Error: SERVER_CONSOLE. */
export function consolePage(): ConsoleFile {
  const page = consoleFiles().get('index.html');
  if (page === undefined) throw fail('SERVER_CONSOLE', { reason: 'it is not built' });
  return page;
}

/** A file that the page loads. Error: SERVER_CONSOLE. */
export function consoleAsset(name: string): ConsoleFile {
  const file = consoleFiles().get(`${ASSETS}/${name}`);
  if (file === undefined) throw fail('SERVER_CONSOLE', { reason: `there is no file ${name.slice(0, 100)}` });
  return file;
}

/** All files, read once: no request names a path of the disk. */
function consoleFiles(): ReadonlyMap<string, ConsoleFile> {
  read ??= readAll(FOLDER);
  return read;
}

function readAll(folder: string): ReadonlyMap<string, ConsoleFile> {
  try {
    const names = ['index.html', ...readdirSync(join(folder, ASSETS)).map((name) => `${ASSETS}/${name}`)];
    return new Map(names.map((name) => [name, fileOf(folder, name)]));
  } catch (error) {
    throw fail('SERVER_CONSOLE', { reason: 'it is not built' }, error);
  }
}

function fileOf(folder: string, name: string): ConsoleFile {
  const plain = readFileSync(join(folder, name));
  return { type: TYPES[extname(name)] ?? 'application/octet-stream', plain, gzip: gzipSync(plain) };
}
