import { mkdtempSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { SqliteDatabase } from '../../src/backends/embedded/registry/sqlite-database.ts';
import type { ArtifactStore } from '../../src/ports/artifact-store.ts';
import type { ModelRegistry } from '../../src/ports/model-registry.ts';
import type { Sql, SqlDatabase, SqlValue } from '../../src/ports/sql-database.ts';
import { filterTargets } from '../../src/registry/filter/filter-target.ts';
import { parseFilter } from '../../src/registry/filter/parse-filter.ts';
import { registrySchema } from '../../src/registry/sql/schema.ts';
import { sqlRegistry } from '../../src/registry/sql/sql-registry.ts';
import { registryFile } from '../../src/site/open-registry.ts';
import { untilStill } from '../until.ts';
import { registrySite } from './registry-site.ts';

interface Statement {
  readonly text: string;
  readonly values: readonly SqlValue[];
}

/** A registry in a file, with the statements that it ran. */
function noted(path: string) {
  const database = new SqliteDatabase(path, registrySchema);
  const statements: Statement[] = [];
  const noting = (sql: Sql): Sql => ({
    all: (text, values = []) => {
      statements.push({ text, values });
      return sql.all(text, values);
    },
    run: (text, values = []) => {
      statements.push({ text, values });
      return sql.run(text, values);
    },
  });
  const watched: SqlDatabase = {
    dialect: database.dialect,
    read: (work) => database.read((sql) => work(noting(sql))),
    write: (work) => database.write((sql) => work(noting(sql))),
    close: () => database.close(),
  };
  return { registry: sqlRegistry(watched), statements };
}

const page = { offset: 0, limit: 10, order: [] };

/** Every read that a client makes of one model among many, and of one version among many. */
const reads: readonly (readonly [string, (registry: ModelRegistry) => Promise<unknown>])[] = [
  ['a model', (registry) => registry.model('m7')],
  ['a version', (registry) => registry.versionRecord('m7', 3)],
  ['an alias', (registry) => registry.alias('m7', 'champion')],
  ['the newest versions', (registry) => registry.latestVersions('m7', ['None', 'Production'])],
  [
    'models by name',
    (registry) => registry.searchModels({ ...page, filter: parseFilter(filterTargets.models, "name = 'm7'") }),
  ],
  ['models', (registry) => registry.searchModels({ ...page, filter: [] })],
];

test.each(reads)('reading %s searches indexes, however many versions and models there are', async (_name, read) => {
  const path = registryFile(mkdtempSync(join(tmpdir(), 'headrace-scale-')));
  const { registry, statements } = noted(path);
  for (const name of ['m7', 'm8']) {
    await registry.createModel({ name, description: '', tags: [], at: 1 });
    const version = {
      source: 's',
      run: '',
      runLink: '',
      loggedModel: '',
      user: '',
      description: '',
      files: [],
      digest: null,
    };
    for (let i = 0; i < 3; i += 1)
      await registry.createVersion({ ...version, model: name, tags: [{ key: 'k', value: 'v' }], at: i });
    await registry.moveAlias(name, 'champion', { expected: null, to: 1, at: 1 });
  }
  statements.length = 0;
  await read(registry);
  await registry.close();
  const database = new DatabaseSync(path);
  const scans = statements.flatMap(({ text, values }) =>
    database
      .prepare(`EXPLAIN QUERY PLAN ${text}`)
      .all(...(values as readonly (string | number | null)[]))
      .map((step) => String(step['detail']))
      // A page of models walks the index of names, and stops at its limit.
      .filter((detail) => detail.startsWith('SCAN') && !/^SCAN t USING (COVERING )?INDEX/.test(detail)),
  );
  database.close();
  expect(statements.length).toBeGreaterThan(0);
  expect(scans).toEqual([]);
});

const MIB = 2 ** 20;
const SIZE = 96 * MIB;
/** Buffers of sockets and streams at both ends. */
const MOST_AHEAD = 48 * MIB;

/** A store whose streams stand still until `go`. */
function stillStore() {
  const open = Promise.withResolvers<void>();
  const inner = new FileArtifactStore(mkdtempSync(join(tmpdir(), 'headrace-still-')));
  let sent = 0;
  async function* held(bytes: AsyncIterable<Uint8Array>) {
    await open.promise;
    yield* bytes;
  }
  async function* counted(bytes: AsyncIterable<Uint8Array>) {
    for await (const chunk of bytes) {
      sent += chunk.length;
      yield chunk;
    }
  }
  const store: ArtifactStore = {
    put: (bytes) => inner.put(bytes),
    get: (digest) => inner.get(digest),
    stage: (bytes) => inner.stage(held(bytes)),
    size: (digest) => inner.size(digest),
    read: async (digest, range) => counted(await inner.read(digest, range)),
    digests: () => inner.digests(),
    erase: (digest) => inner.erase(digest),
    clearStaged: (before) => inner.clearStaged(before),
  };
  return { store, go: () => open.resolve(), sent: () => sent };
}

test('a large artefact is not gathered in memory: neither side runs ahead of the other', async () => {
  const { store, go, sent } = stillStore();
  const site = await registrySite('memory', { artifacts: store });
  const { hostname, port } = new URL(site.url);
  const path = '/api/2.0/mlflow-artifacts/artifacts/a/large.bin';
  let pushed = 0;
  const answered = Promise.withResolvers<number>();
  const upload = request({ hostname, port, method: 'PUT', path }, (response) => {
    response.resume();
    answered.resolve(response.statusCode ?? 0);
  });
  const chunk = Buffer.alloc(MIB, 7);
  const chunks = function* () {
    for (; pushed < SIZE; pushed += MIB) yield chunk;
  };
  Readable.from(chunks()).pipe(upload);
  await untilStill(() => pushed);
  expect(pushed).toBeLessThan(MOST_AHEAD);
  go();
  expect(await answered.promise).toBe(200);

  const reading = Promise.withResolvers<void>();
  const download = request({ hostname, port, path }, (response) => {
    response.pause();
    response.on('close', () => reading.resolve());
    void untilStill(sent).then(() => response.destroy());
  });
  download.on('error', () => undefined).end();
  await reading.promise;
  expect(sent()).toBeLessThan(MOST_AHEAD);
});
