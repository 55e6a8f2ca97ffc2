import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { compareText } from '../../base/text-order.ts';
import { replaceFile } from '../../files/replace-file.ts';
import { type HandedBatch, type HandOver, MOST_HANDED } from '../../ports/hand-over.ts';

const ENDING = '.rows';

/** Batches as files of the environment's directory, for processes on one machine. Names ascend with time. */
export function handedFolder(directory: string): HandOver {
  const folder = join(directory, 'unsent-profiles', 'handed');
  const names = () =>
    existsSync(folder)
      ? readdirSync(folder)
          .filter((name) => name.endsWith(ENDING))
          .sort(compareText)
      : [];
  return {
    async push({ id, bytes }) {
      if (names().length >= MOST_HANDED) return false;
      mkdirSync(folder, { recursive: true });
      replaceFile(join(folder, `${id}${ENDING}`), bytes);
      return true;
    },
    async peek(most) {
      return names()
        .slice(0, most)
        .map((name): HandedBatch => {
          const bytes = Uint8Array.from(readFileSync(join(folder, name)));
          return { id: name.slice(0, -ENDING.length), bytes };
        });
    },
    async drop(ids) {
      for (const id of ids) rmSync(join(folder, `${id}${ENDING}`), { force: true });
    },
  };
}
