import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { fail } from '../../src/base/errors/fail.ts';
import { type BatchOptions, startBatch } from '../../src/serving/batch/start-batch.ts';
import { remoteWritesContracts } from '../../src/testing/contracts/remote-writes.ts';
import { small } from '../models/small-project.ts';
import { batchSite, inputRows, siteContext, writeInput } from './batch-site.ts';
import { MemoryObjects } from './memory-objects.ts';

const ROWS = 1_500;
const TO = 's3://lake/scores';
const MANIFEST = `${TO}/_MANIFEST.json`;

let site: string;
let input: string;
/** The output of a job over the same rows in a folder. */
let local: string;
let store: MemoryObjects;

beforeAll(async () => {
  site = await batchSite();
  input = await writeInput(inputRows(ROWS), join(site, 'in.parquet'));
  local = join(site, 'local');
  await (await startBatch(small, { from: input, to: local, workers: 1 }, siteContext(site))).result;
});

beforeEach(() => {
  store = new MemoryObjects();
});

async function run(more: Partial<BatchOptions> = {}) {
  const context = { ...siteContext(site), openStore: async () => store };
  const { result } = await startBatch(small, { from: input, to: TO, workers: 1, ...more }, context);
  return result;
}

/** The job's committed objects, by their names below the output; null: nothing is committed. */
function committed(): Readonly<Record<string, Buffer>> | null {
  const text = store.objects.get(MANIFEST);
  if (text === undefined) return null;
  const { folder, parts } = JSON.parse(text.toString());
  const names: readonly string[] = parts.map(({ output }: { output: { file: string } }) => `${folder}/${output.file}`);
  return Object.fromEntries(
    ['_MANIFEST.json', ...names].map((name) => [name, store.objects.get(`${TO}/${name}`) ?? Buffer.alloc(0)]),
  );
}

function expectWhole(): void {
  const found = Object.entries(committed() ?? {});
  expect(found.length).toBeGreaterThan(2);
  for (const [name, bytes] of found) expect(bytes.equals(readFileSync(join(local, name))), name).toBe(true);
}

describe.each(remoteWritesContracts)('the store of these tests keeps rule $rule', ({ name, run: runContract }) => {
  test(name, () => runContract({ store, url: 's3://lake/contract' }));
});

describe('a job from and to an object store', () => {
  test('writes the bytes of a job in a folder, and does nothing the second time', async () => {
    store.objects.set('s3://lake/rows.parquet', readFileSync(input));
    const from = 's3://lake/rows.parquet';
    const first = await run({ from });
    expect(first).toMatchObject({ path: TO, isNew: true, rows: ROWS });
    for (const file of first.files) expect(store.objects.has(file)).toBe(true);
    expectWhole();
    const before = store.objects.size;
    expect((await run({ from })).isNew).toBe(false);
    expect(store.objects.size).toBe(before);
    expect(readdirSync(join(site, 'batch', 'inputs'))).toEqual([]);
    expect(readdirSync(join(site, 'batch', 'outgoing'))).toEqual([]);
  });

  test('writes deleted objects again', async () => {
    const { files } = await run();
    store.objects.delete(files[1]);
    expect((await run()).isNew).toBe(true);
    expectWhole();
  });

  test.each(['REMOTE_STORE', 'REMOTE_FULL'] as const)(
    'ends with %s at an upload that fails, lists nothing, and resumes without scoring a row again',
    async (code) => {
      let uploads = 0;
      store.before = (request, url) => {
        if (request !== 'upload') return;
        uploads += 1;
        if (uploads > 2) throw fail(code, { url, reason: 'injected' });
      };
      await expect(run()).rejects.toMatchObject({ code });
      expect(committed()).toBeNull();
      store.before = () => undefined;
      const seen: number[] = [];
      await run({ onProgress: ({ rows }) => seen.push(rows) });
      expect(seen).toEqual([]);
      expectWhole();
    },
  );

  test('counts as committed where only the answer of the commit was lost', async () => {
    store.swapped = () => {
      if (store.objects.has(MANIFEST)) throw fail('REMOTE_STORE', { url: MANIFEST, reason: 'the answer was lost' });
    };
    expect((await run()).isNew).toBe(true);
    expectWhole();
  });

  test('cannot commit over a job that committed since it began', async () => {
    const theirs = { ...(await startOther()), tag: '' };
    let isDone = false;
    store.before = (request, url) => {
      if (request !== 'upload' || isDone) return;
      isDone = true;
      expect(url).toContain('job-');
      for (const [name, bytes] of theirs.objects) store.objects.set(name, bytes);
    };
    await expect(run()).rejects.toMatchObject({ code: 'PREDICT_FENCED' });
    expect(store.objects.get(MANIFEST)?.equals(theirs.objects.get(MANIFEST) ?? Buffer.alloc(0))).toBe(true);
    await expect(run()).rejects.toMatchObject({ code: 'PREDICT_OUTPUT' });
    expect((await run({ replace: true })).isNew).toBe(true);
    expectWhole();
  });
});

/** The objects of another job for the same output. */
async function startOther() {
  const other = new MemoryObjects();
  const context = { ...siteContext(await batchSite()), openStore: async () => other };
  const job = await startBatch(small, { from: input, to: TO, workers: 1, version: 2 }, context);
  await job.result;
  return other;
}

describe('bad places', () => {
  test('a prefix with other objects, a store that ignores conditions, and a prefix as input are refused', async () => {
    store.objects.set(`${TO}/notes.txt`, Buffer.from('mine'));
    await expect(run()).rejects.toMatchObject({ code: 'PREDICT_FOLDER' });
    store = new MemoryObjects(false);
    await expect(run()).rejects.toMatchObject({ code: 'PREDICT_CONDITION' });
    expect(store.objects.size).toBe(0);
    await expect(run({ from: 's3://lake/rows/' })).rejects.toMatchObject({ code: 'PREDICT_INPUT' });
    await expect(run({ from: 's3://lake/none.parquet' })).rejects.toMatchObject({ code: 'REMOTE_FILE' });
    await expect(run({ to: 's3://nobody/x' })).rejects.toMatchObject({ code: 'REMOTE_FILE' });
    expect(existsSync('s3:')).toBe(false);
  });
});
