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
  {
    rule: 3,
    name: 'a stream is under its digest after the commit and not before; a broken one leaves nothing',
    needs: [],
    run: async (subject) => {
      const store = await subject.open();
      const whole = Uint8Array.from({ length: 700_000 }, (_, i) => i % 251);
      const staged = await store.stage(pieces(whole, 64_000));
      mustEqual([staged.sizeBytes, await store.size(staged.digest)], [whole.length, null], 'before the commit');
      await staged.commit();
      mustEqual(await store.size(staged.digest), whole.length, 'after it');
      mustEqual(await store.get(staged.digest), whole, 'the content');
      const broken = async function* () {
        yield whole;
        throw new Error('the client went away');
      };
      let failed = false;
      await store.stage(broken()).catch(() => (failed = true));
      mustEqual(failed, true, 'a broken stream fails');
      const found: string[] = [];
      for await (const digest of store.digests()) found.push(digest);
      mustEqual(found, [staged.digest], 'digests');
    },
  },
  {
    rule: 4,
    name: 'a content is read whole or by a range',
    needs: [],
    run: async (subject) => {
      const store = await subject.open();
      const whole = Uint8Array.from({ length: 300_000 }, (_, i) => i % 249);
      const digest = await store.put(whole);
      mustEqual(await all(await store.read(digest)), whole, 'whole');
      mustEqual(await all(await store.read(digest, { from: 10, to: 19 })), whole.slice(10, 20), 'a range');
      mustEqual(await all(await store.read(digest, { from: 299_999, to: 299_999 })), whole.slice(-1), 'the last byte');
      await mustFail('ARTIFACT_UNKNOWN', () => store.read('0'.repeat(64)), 'an absent one');
    },
  },
  {
    rule: 5,
    name: 'an erased content is gone, and erasing it again is no error',
    needs: [],
    run: async (subject) => {
      const store = await subject.open();
      const digest = await store.put(Uint8Array.of(1, 2, 3));
      await store.erase(digest);
      await store.erase(digest);
      mustEqual(await store.size(digest), null, 'size');
      await mustFail('ARTIFACT_UNKNOWN', () => store.get(digest), 'reading it');
      mustEqual(await store.put(Uint8Array.of(1, 2, 3)), digest, 'stored again');
    },
  },
];

async function* pieces(bytes: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function all(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const found: number[] = [];
  for await (const chunk of stream) for (const byte of chunk) found.push(byte);
  return Uint8Array.from(found);
}
