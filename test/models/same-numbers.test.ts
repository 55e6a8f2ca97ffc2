import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { readNumbers } from '../../src/backends/embedded/parquet/read-numbers.ts';
import { onnxRuntime } from '../../src/backends/onnx/onnx-runtime.ts';
import { createClient } from '../../src/client/index.ts';
import type { ModelData } from '../../src/features/define/declaration.ts';
import { fedTable } from '../../src/featurestore/skew/fed-log.ts';
import { MODEL_ENCODING } from '../../src/model/model-value.ts';
import type { ModelVersion } from '../../src/ports/model-registry.ts';
import type { OfflineValue } from '../../src/ports/offline-store.ts';
import type { Scorer } from '../../src/registry/scorer.ts';
import { loadScorer } from '../../src/registry/scorer.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { VALUE_TYPES } from '../../src/schema/column.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { openSqliteRegistry } from '../../src/site/open-registry.ts';
import { asks, everyColumn, facts, fitted, outcomes, picked, project, samples, service, stored } from './every-type.ts';
import { fedRows } from './fed-rows.ts';
import { NOTHING } from './nothing.ts';

const HOUR_MS = 3_600_000;
const START = Date.UTC(2026, 0, 1);
const ROWS = 6;

const directory = mkdtempSync(join(tmpdir(), 'headrace-numbers-'));
let now = START;
let headrace: Headrace;
let server: RunningServer;
let version: ModelVersion;
let inputs: readonly string[];

const atOf = (row: number) => START + HOUR_MS + row;
const valuesOf = (row: number) => Object.fromEntries(everyColumn.map(({ name, sampleOf }) => [name, sampleOf(row)]));
const requestOf = (row: number, pick: number) => ({ pick, who: `w${row}`, ...valuesOf(row) });

/** What a model is to see of an input, from the sample itself. */
function expected(input: string, row: number): number {
  const [, name, place] = /^(?:[sb]_)?(.+?)(?:_1d)?(?:\[(\d+)\])?$/.exec(input) ?? [];
  const value = everyColumn.find((column) => column.name === name)?.sampleOf(row) ?? null;
  const number = Array.isArray(value) ? value[Number(place)] : value;
  return number === null ? NOTHING : Math.fround(Number(number));
}

function sampleOf(name: string, row: number) {
  return Number(everyColumn.find((column) => column.name === name)?.sampleOf(row));
}

/** The whole number of an input, from the sample itself. */
function wholeOf(input: string, row: number): bigint | null {
  const [, name] = /^(?:[sb]_)?(.+?)(?:_1d)?$/.exec(input) ?? [];
  const sample = everyColumn.find((column) => column.name === name)?.sampleOf(row) ?? null;
  return sample === null ? null : BigInt(String(sample));
}

/** Parity of a model that answers its first input. */
function zeroParity() {
  return { rows: [inputs.map(() => 0)], scores: [0] };
}

/** The inputs of a set's rows, read as a program reads them: each is a double first, as the page of training sets says. */
async function fileRows(path: string, as: 'FLOAT' | 'DOUBLE'): Promise<readonly Float32Array[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const select = inputs.map((name) => {
    const [, list, place] = /^(.+)\[(\d+)\]$/.exec(name) ?? [];
    return `CAST(CAST(${place === undefined ? `"${name}"` : `"${list}"[${Number(place) + 1}]`} AS DOUBLE) AS ${as})`;
  });
  const from = `read_parquet('${path}') ORDER BY CAST(SUBSTR(who, 2) AS INTEGER)`;
  const read = await connection.runAndReadAll(`SELECT ${select.join(', ')} FROM ${from}`);
  connection.closeSync();
  instance.closeSync();
  return read.getRows().map((row) => Float32Array.from(row, (cell) => (cell === null ? Number.NaN : Number(cell))));
}

async function loaded({ artifact, signature }: ModelVersion): Promise<Scorer> {
  return loadScorer(onnxRuntime, await new FileArtifactStore(join(directory, 'artifacts')).get(artifact), signature);
}

/** Scores of every input of every row of a set, by the registered file alone. */
async function offlineScores(path: string, as: 'FLOAT' | 'DOUBLE'): Promise<readonly (readonly number[])[]> {
  const runner = await loaded(version);
  const scores: (readonly number[])[] = [];
  for (const row of await fileRows(path, as)) {
    const asked = Float32Array.from(
      inputs.flatMap((_, pick) => row.with(inputs.indexOf('pick'), pick)).flatMap((one) => [...one]),
    );
    scores.push([...(await runner.run(fedRows(runner, asked)))]);
  }
  await runner.close();
  return scores;
}

/** Scores of every input of every row as they are served in process. */
async function servedScores(name: string): Promise<readonly (readonly number[])[]> {
  const scores: (readonly number[])[] = [];
  for (let row = 0; row < ROWS; row += 1) {
    const requests = inputs.map((_, pick) => ({ id: `${name}-${row}-${pick}`, request: requestOf(row, pick) }));
    scores.push((await headrace.predictMany(picked, requests, { at: atOf(row) })).map(({ score }) => score));
  }
  return scores;
}

/** By input and row what differs, to be read where a test fails. */
function differences(found: readonly (readonly number[])[], wanted: readonly (readonly number[])[]): readonly string[] {
  return wanted.flatMap((row, r) =>
    row.flatMap((value, i) =>
      Object.is(found[r][i], value) ? [] : [`${inputs[i]} of row ${r}: ${found[r][i]}, not ${value}`],
    ),
  );
}

beforeAll(async () => {
  headrace = await openHeadrace({ project, environment: { directory, sampleRate: 1 }, clock: () => now });
  server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 2 ** 20 });
  for (let row = 0; row < ROWS; row += 1)
    await headrace.ingest(facts, [{ id: `f${row}`, at: START + row, who: `w${row}`, ...valuesOf(row) }] as never);
  now = START + 60_000;
  await headrace.backfill(stored);
  now = START + HOUR_MS;
  for (let row = 0; row < ROWS; row += 1) {
    now = atOf(row);
    const asked = { id: `t${row}`, at: now, ...requestOf(row, 0) };
    const { accepted } = await headrace.ingest(asks, [asked] as never);
    expect(accepted).toBe(1);
    await headrace.ingest(outcomes, [{ id: `o${row}`, at: now, asked: `t${row}`, good: row % 2 === 0, amount: row }]);
  }
  now = START + 5 * HOUR_MS;
  version = await headrace.train(picked);
  inputs = version.signature.features;
  await headrace.promote(picked, version.version);
}, 120_000);

afterAll(async () => {
  await server.close();
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('a model is served the numbers that it was trained on, of every type', { timeout: 120_000 }, () => {
  test('every type of the schema is tried, null too, from requests, streams and batches', () => {
    expect(new Set(Object.keys(samples))).toEqual(new Set(VALUE_TYPES));
    for (const type of VALUE_TYPES.filter((one) => one !== 'text' && one !== 'list')) {
      for (const place of ['', 's_', 'b_']) {
        const prefix = `${place}${type}_0`;
        expect(inputs.filter((input) => input.startsWith(prefix) && !input.includes('or_null'))).not.toEqual([]);
        expect(inputs.filter((input) => input.startsWith(`${prefix}_or_null`))).not.toEqual([]);
      }
    }
    expect(inputs.filter((input) => /^(s_|b_)?(text|list)/.test(input))).toEqual([]);
  });

  test('an external program: each input is in its file, and in a served row, what it is in the event', async () => {
    const path = join(directory, 'model.parquet');
    await headrace.writeTrainingSet(picked, path);
    const offline = await offlineScores(path, 'FLOAT');
    const wanted = offline.map((_, row) =>
      inputs.map((input, pick) => (input === 'pick' ? pick : expected(input, row))),
    );
    expect(differences(offline, wanted)).toEqual([]);
    expect(differences(await servedScores('external'), wanted)).toEqual([]);
  });

  test('a whole number beyond 2^53 is in the file digit by digit, for models of whole tensors', async () => {
    const path = join(directory, 'whole.parquet');
    await headrace.writeTrainingSet(picked, path);
    const names = inputs.filter((input) => /^(s_|b_)?int64_0/.test(input));
    expect(names.length).toBeGreaterThanOrEqual(6);
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    const read = await connection.runAndReadAll(
      `SELECT ${names.map((name) => `"${name}"`).join(', ')} FROM read_parquet('${path}') ORDER BY CAST(SUBSTR(who, 2) AS INTEGER)`,
    );
    const cells = read.getRows();
    connection.closeSync();
    instance.closeSync();
    for (const [i, name] of names.entries()) {
      const found = cells.map((row) => row[i]);
      expect(found, name).toEqual(found.map((_, row) => wholeOf(name, row)));
      expect(
        found.some((cell) => typeof cell === 'bigint' && BigInt(Number(cell)) !== cell),
        name,
      ).toBe(true);
    }
  });

  test('the embedded trainer: its columns are the served inputs, and its model scores a row of the set as one that is served', async () => {
    const path = join(directory, 'fitted.parquet');
    await headrace.writeTrainingSet(fitted, path);
    const { singles: columns } = await readNumbers(path, { singles: inputs, doubles: [] });
    const read = Array.from({ length: ROWS }, (_, row) =>
      columns.map((column, i) => (inputs[i] === 'pick' ? i : Number.isNaN(column[row]) ? NOTHING : column[row])),
    );
    expect(differences(read, await servedScores('embedded'))).toEqual([]);
    const trained = await headrace.train(fitted);
    await headrace.promote(fitted, trained.version);
    await sameScores(fitted, trained, path);
  });

  test("a spine of one's own, from a file and over HTTP", async () => {
    const lines = Array.from({ length: ROWS }, (_, row) => JSON.stringify({ _at: atOf(row), ...requestOf(row, 0) }));
    const spine = join(directory, 'spine.jsonl');
    writeFileSync(spine, lines.join('\n'));
    const served = await servedScores('spine');
    const own = join(directory, 'own.parquet');
    await headrace.writeTrainingSet(service, own, { spine: { path: spine } });
    expect(differences(await offlineScores(own, 'DOUBLE'), served)).toEqual([]);
    const answer = await fetch(`${server.url}/v1/training-sets/${service.name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: readFileSync(spine),
    });
    const sent = join(directory, 'sent.parquet');
    writeFileSync(sent, new Uint8Array(await answer.arrayBuffer()));
    expect(answer.status).toBe(200);
    expect(differences(await offlineScores(sent, 'DOUBLE'), served)).toEqual([]);
  });

  test('a list of decimals is held as their values in both kinds of sets', async () => {
    const sets = [join(directory, 'model.parquet'), join(directory, 'own.parquet')];
    const lists = await Promise.all(
      sets.map(async (path) => {
        const found: unknown[] = [];
        const sql = `SELECT s_list_0_1d FROM '${path}' ORDER BY CAST(SUBSTR(who, 2) AS INTEGER)`;
        for await (const rows of headrace.history.query(sql)) found.push(...rows.flat());
        return found;
      }),
    );
    const wanted = Array.from({ length: ROWS }, (_, row) => [sampleOf('decimal_1', row)]);
    expect(lists).toEqual([wanted, wanted]);
  });

  test('HTTP and the client answer the score of the process', async () => {
    const client = createClient<typeof project>({ url: server.url });
    for (const [pick, input] of inputs.entries()) {
      const row = pick % ROWS;
      const request = requestOf(row, pick);
      const at = atOf(row);
      const { score } = await headrace.predict(picked, `own-${pick}`, request, { at });
      const answer = await fetch(`${server.url}/v1/predictions/picked`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ id: `http-${pick}`, request, at }),
      });
      const overHttp = (await answer.json()) as { readonly score: number };
      const byClient = await client.predict('picked', `client-${pick}`, request as never, { at });
      expect({ input, http: overHttp.score, client: byClient.score }).toEqual({ input, http: score, client: score });
    }
  });

  test('the audit compares what each model was fed with what its training set holds, and names every input that differs', async () => {
    const before = await headrace.auditSkew(service, atOf(0), atOf(1));
    expect(before.mismatches).toEqual({ lateness: 0, staleness: 0, logic: 0 });
    expect(before.models.map(({ model }) => model)).toEqual(['fitted', 'picked']);
    for (const { rows, compared, differing, examples } of before.models)
      expect({ rows: rows > 0, compared, differing, examples }).toEqual({
        rows: true,
        compared: rows * inputs.length,
        differing: 0,
        examples: [],
      });
    // Each input of one row each as another number: as it would be on another scale, or where it was missing.
    await spoilFed((row, i) => (row === i ? (value) => (Number.isNaN(value) ? 0 : value * 100 + 1) : null));
    const after = await headrace.auditSkew(service, atOf(0), atOf(1));
    const { inputs: found = [], differing } = after.models.find(({ model }) => model === 'picked') ?? {};
    expect(found.toSorted((a, b) => inputs.indexOf(a.input) - inputs.indexOf(b.input))).toEqual(
      inputs.map((input) => ({ input, differing: 1 })),
    );
    expect(after.mismatches).toEqual({ lateness: 0, staleness: 0, logic: differing });
  });

  test('what a model was fed of an entity is forgotten with it', async () => {
    const { stores } = await headrace.forget('who', { who: 'w0' });
    for (const { name } of [picked, fitted])
      expect(stores.find((store) => store.name === `fed/${name}`)).toMatchObject({
        before: expect.toSatisfy((count: number) => count > 0),
        after: 0,
      });
  });

  test('a version from before encodings were recorded is refused by name, where its inputs have a decimal', async () => {
    const registry = openSqliteRegistry(join(directory, 'registry.sqlite'));
    const { encoding, ...signature } = version.signature;
    expect(encoding).toBe(MODEL_ENCODING);
    const old = await registry.register({ ...version, signature });
    await expect(headrace.promote(picked, old.version)).rejects.toMatchObject({ code: 'MODEL_ENCODING' });
    const { version: serving } = await headrace.predict(picked, 'old', requestOf(0, 0));
    expect(serving).toBe(version.version);
    const whole = {
      ...signature,
      features: signature.features.map((name) => (name.includes('decimal_') ? 'pick' : name)),
    };
    const parity = new FileArtifactStore(join(directory, 'artifacts')).put(Buffer.from(JSON.stringify(zeroParity())));
    const other = await registry.register({ ...version, signature: whole, parity: await parity });
    await headrace.promote(picked, other.version);
    await registry.moveAlias('picked', 'champion', { expected: other.version, to: old.version, at: now });
    await registry.close();
    await headrace.close();
    const faults: unknown[] = [];
    headrace = await openHeadrace({
      project,
      environment: { directory },
      clock: () => now,
      onFault: (error) => faults.push(error),
    });
    expect(faults).toMatchObject([{ code: 'MODEL_ENCODING', facts: { model: 'picked', version: old.version } }]);
    expect(headrace.notReady()).toContainEqual(
      expect.stringContaining('model picked has a champion that cannot serve'),
    );
    await expect(headrace.predict(picked, 'refused', requestOf(0, 0))).rejects.toMatchObject({
      code: 'MODEL_ENCODING',
    });
  });
});

/** Writes what the model `picked` was fed with other numbers, as a faulty server would have logged it. */
async function spoilFed(other: (row: number, input: number) => ((value: number) => number) | null): Promise<void> {
  const table = fedTable(picked);
  const columns: OfflineValue[][] = Object.keys(table.columns).map(() => []);
  let row = 0;
  for await (const rows of headrace.history.query(`SELECT * FROM ${headrace.history.relation(table)}`)) {
    for (const [id, at, version, names, fed] of rows) {
      if (at !== BigInt(atOf(0)) && at !== atOf(0)) continue;
      const numbers = (fed as readonly number[]).map((value, i) => Math.fround((other(row, i) ?? Number)(value)));
      [id, Number(at), Number(version), names, numbers, null].forEach((value, c) => {
        columns[c].push(value);
      });
      row += 1;
    }
  }
  const tables = [{ table, rows: row, columns }];
  await insideOf(headrace).stores.offline.publish({ writer: 'spoiler', position: {}, mode: 'replace', tables });
}

async function sameScores(model: ModelData, trained: ModelVersion, path: string): Promise<void> {
  const runner = await loaded(trained);
  const rows = await fileRows(path, 'FLOAT');
  for (const [row, numbers] of rows.entries()) {
    const [offline] = await runner.run(fedRows(runner, numbers));
    const { score } = await headrace.predict(model, `same-${row}`, requestOf(row, 0), { at: atOf(row) });
    expect(score).toBe(offline);
  }
  await runner.close();
}
