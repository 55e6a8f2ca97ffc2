import { sha256Hex } from '../../base/hash/sha256.ts';
import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { ArtifactStore } from '../../ports/artifact-store.ts';
import { type Contract, mustEqual, mustFail } from './contract.ts';

/** The subject: one artefact store, empty at first, that may be opened many times. */
export interface ArtifactSubject {
  open(): MaybePromise<ArtifactStore>;
}

const every = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 31) % 256);

/** The rules of `ports/artifact-store.ts`. Each back end tests damaged files itself. */
export const artifactStoreContracts: readonly Contract<ArtifactSubject>[] = [
  {
    rule: 1,
    name: 'bytes are named by their SHA-256, also empty ones, and read back equal',
    needs: [],
    run: async (subject) => {
      const store = await subject.open();
      for (const bytes of [new Uint8Array(0), Uint8Array.of(0), every, every.subarray(1, 9)]) {
        const digest = await store.put(bytes);
        mustEqual(digest, sha256Hex(bytes), 'digest');
        mustEqual(await store.get(digest), bytes, 'content');
      }
    },
  },
  {
    rule: 1,
    name: 'a stored artefact is there when the store is opened again, and for another process at once',
    needs: [],
    run: async (subject) => {
      const store = await subject.open();
      const other = await subject.open();
      const digest = await store.put(every);
      mustEqual(await other.get(digest), every, 'content as another sees it');
      mustEqual(await (await subject.open()).get(digest), every, 'content after opening again');
    },
  },
  {
    rule: 1,
    name: 'the same bytes may be stored repeatedly, also concurrently',
    needs: [],
    run: async (subject) => {
      const stores = [await subject.open(), await subject.open()];
      const digests = await Promise.all(Array.from({ length: 8 }, async (_, i) => stores[i % 2].put(every)));
      mustEqual([...new Set(digests)], [sha256Hex(every)], 'digests');
      mustEqual(await stores[0].get(digests[0]), every, 'content');
    },
  },
  {
    rule: 1,
    name: 'the store keeps its own copy: later changes of the caller to the bytes change nothing',
    needs: [],
    run: async (subject) => {
      const store = await subject.open();
      const bytes = every.slice();
      const digest = await store.put(bytes);
      bytes.fill(7);
      (await store.get(digest)).fill(9);
      mustEqual(await store.get(digest), every, 'content');
    },
  },
  {
    rule: 2,
    name: 'an absent or invalid digest is ARTIFACT_UNKNOWN',
    needs: [],
    run: async (subject) => {
      const store = await subject.open();
      const digest = await store.put(every);
      const wrong = ['f'.repeat(64), '', digest.slice(1), digest.toUpperCase(), `../${digest}`, `${digest}/..`, '..'];
      for (const each of wrong) await mustFail('ARTIFACT_UNKNOWN', () => store.get(each), `digest "${each}"`);
    },
  },
];
