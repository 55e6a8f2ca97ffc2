import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isHeadraceError } from '../../base/errors/fail.ts';
import type { RemoteWrites } from '../../ports/remote-writes.ts';

/** A store, and an address in it, `s3://bucket/prefix`, without files below it. */
export interface RemoteSubject {
  readonly store: RemoteWrites;
  readonly url: string;
}

export interface RemoteContract {
  readonly rule: number;
  readonly name: string;
  run(subject: RemoteSubject): Promise<void>;
}

/** The rules of `ports/remote-writes.ts`. */
export const remoteWritesContracts: readonly RemoteContract[] = [
  {
    rule: 1,
    name: 'an uploaded file is listed with its size, downloads with its bytes, and another one takes its place',
    run: async ({ store, url }) => {
      const folder = mkdtempSync(join(tmpdir(), 'headrace-remote-'));
      try {
        for (const size of [0, 1, 300_000]) {
          const bytes = Buffer.alloc(size, size % 251);
          writeFileSync(join(folder, 'file'), bytes);
          await store.upload(join(folder, 'file'), `${url}/a file+é.bin`);
          const [listed, ...more] = await store.below(`${url}/`);
          equal([listed?.sizeBytes, more.length], [size, 0]);
          await store.download(listed, join(folder, 'copy'));
          equal(readFileSync(join(folder, 'copy')).equals(bytes), true);
        }
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  },
  {
    rule: 2,
    name: 'a swap writes only over what it has seen',
    run: async ({ store, url }) => {
      const object = `${url}/one`;
      equal(await store.text(object), null);
      equal(await store.swap(object, 'first', 'none'), false);
      equal(await store.swap(object, 'first', null), true);
      equal(await store.swap(object, 'second', null), false);
      const seen = await store.text(object);
      equal(seen?.text, 'first');
      equal(await store.swap(object, 'second', seen?.tag ?? ''), true);
      equal(await store.swap(object, 'third', seen?.tag ?? ''), false);
      equal((await store.text(object))?.text, 'second');
      const swaps = await Promise.all([1, 2, 3, 4].map((i) => store.swap(`${url}/race`, `${i}`, null)));
      equal(swaps.filter(Boolean).length, 1);
      await store.remove(object);
      equal(await store.text(object), null);
    },
  },
  {
    rule: 3,
    name: 'below an address without files there are none, and a bucket that does not exist is REMOTE_FILE',
    run: async ({ store, url }) => {
      equal(await store.below(`${url}/nothing/`), []);
      const failed = await store.below('s3://no-such-bucket-at-all/x/').catch((error: unknown) => error);
      equal(isHeadraceError(failed, 'REMOTE_FILE'), true);
    },
  },
];

function equal(found: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${a} is not ${b}`);
}
