import { createHash } from 'node:crypto';
import { type FSWatcher, readdirSync, readFileSync, watch } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';

/** Files that a declaration may be made of. */
const ENDINGS = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs', '.json', '.sql', '.py'];

/** An editor writes a file in several steps: time without another change, ms. */
const QUIET_MS = 100;

/** Watches the files of a folder. */
export interface WatchedFiles {
  /** The path of a file whose content has changed since the last call, or since the begin. */
  changed(): Promise<string>;
  /** Leaves out the folder of the project's data, which may be below its sources; one that was left out before is watched again. */
  ignore(folder: string): void;
  close(): void;
}

/** Watches the sources below a folder; node_modules and folders whose name begins with a dot are left out. */
export function watchFiles(folder: string): WatchedFiles {
  const watchers = new Map<string, FSWatcher>();
  const ignored = new Set<string>();
  let wake = () => {};
  let seen = look();

  function look(): ReadonlyMap<string, string> {
    const { folders, files } = sourcesOf(folder, ignored);
    for (const each of folders) if (!watchers.has(each)) watchers.set(each, follow(each));
    return files;
  }

  function follow(path: string): FSWatcher {
    return watch(path, () => wake()).on('error', () => {
      // The folder is gone.
      watchers.get(path)?.close();
      watchers.delete(path);
    });
  }

  /** Files that are in a folder by now are no change. */
  function seeAgain(path: string): void {
    ignored.delete(path);
    if (!isWithin(folder, path) || relative(folder, path).split(sep).some(isLeftOut)) return;
    const { folders, files } = sourcesOf(path, ignored);
    for (const each of folders) if (!watchers.has(each)) watchers.set(each, follow(each));
    seen = new Map([...seen, ...files]);
  }

  return {
    async changed() {
      for (;;) {
        const now = look();
        const file = difference(seen, now);
        seen = now;
        if (file !== null) return relative(folder, file);
        await new Promise<void>((resolve) => {
          let timer: NodeJS.Timeout | undefined;
          wake = () => {
            clearTimeout(timer);
            timer = setTimeout(resolve, QUIET_MS);
          };
        });
      }
    },
    ignore(path) {
      for (const before of ignored) if (before !== path) seeAgain(before);
      // The folder itself is watched all the same.
      if (isWithin(path, folder)) return;
      ignored.add(path);
      // Nothing is read here: an edit since the last look would pass for seen.
      seen = new Map([...seen].filter(([file]) => !isWithin(path, file)));
      // Each event of them would put off the look at the sources.
      for (const [each, watcher] of watchers) {
        if (!isWithin(path, each)) continue;
        watcher.close();
        watchers.delete(each);
      }
    },
    close() {
      for (const watcher of watchers.values()) watcher.close();
    },
  };
}

function isWithin(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** Whether a folder of this name holds no sources. */
function isLeftOut(name: string): boolean {
  return name.startsWith('.') || name === 'node_modules';
}

/** A file that only one of two looks has, or that has another content. */
function difference(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): string | null {
  for (const [path, hash] of now) if (before.get(path) !== hash) return path;
  for (const path of before.keys()) if (!now.has(path)) return path;
  return null;
}

function sourcesOf(
  folder: string,
  ignored: ReadonlySet<string>,
): { readonly folders: string[]; readonly files: Map<string, string> } {
  const folders = [folder];
  const files = new Map<string, string>();
  for (const each of folders) {
    for (const entry of entriesOf(each)) {
      const path = join(each, entry.name);
      if (entry.isDirectory()) {
        if (!isLeftOut(entry.name) && !ignored.has(path)) folders.push(path);
      } else if (ENDINGS.includes(extname(entry.name))) {
        const hash = hashOf(path);
        if (hash !== null) files.set(path, hash);
      }
    }
  }
  return { folders, files };
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    // It was removed meanwhile.
    return [];
  }
}

function hashOf(path: string): string | null {
  try {
    return createHash('sha256').update(readFileSync(path)).digest('base64');
  } catch {
    return null;
  }
}
