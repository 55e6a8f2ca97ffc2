import { mkdirSync, mkdtempSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { catalogue } from '../../src/base/errors/catalogue.ts';
import { environmentFault } from '../../src/base/errors/environment-fault.ts';
import { fail } from '../../src/base/errors/fail.ts';
import { status as statusCommand } from '../../src/cli/commands/status.ts';
import { parseCall } from '../../src/cli/options/parse-call.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import type { ProjectData } from '../../src/features/define/declaration.ts';
import { openPart, partKind } from '../../src/observe/part-kind.ts';
import { mergeStatuses, type Status, statusOf } from '../../src/observe/status.ts';
import { storesPart } from '../../src/observe/stores-part.ts';
import { watched } from '../../src/observe/watched.ts';
import { audited } from '../../src/operating/audit-log.ts';
import { followChanges } from '../../src/running/follow-changes.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { startServer } from '../../src/server/http-server.ts';
import { Site, type SiteStores, type StoreName } from '../../src/site/site.ts';
import { project as shop, shopper } from '../server/shop.ts';
import { type Injected, InjectedFaults } from './failing-store.ts';

/** Members of a site that open nothing. */
const NO_OPENERS = ['clock', 'onFault', 'withHistory'];

/** Openers of a site whose calls are not watched: they keep no data, or only read those of a watched one. */
const NO_STORES = ['engine', 'runtime', 'python', 'upstreams', 'training', 'traces', 'onlineReader', 'published'];

const SINCE = Date.parse('2026-01-05T12:00:00Z');

/** Each model has a playbook, so that every store is opened. */
const project: ProjectData = {
  ...shop,
  models: shop.models.map((model) => ({ ...model, playbook: { owner: 'risk', mode: 'dryRun' } })),
};

const system = (code: string) => Object.assign(new Error(`${code}: the system says no`), { code });
const sqlite = (errcode: number) =>
  Object.assign(new Error('the database says no'), { code: 'ERR_SQLITE_ERROR', errcode });

/** Faults of an environment by the code that people then read. */
const FAULTS: Readonly<Record<string, Error>> = {
  EIO: system('EIO'),
  ENOSPC: system('ENOSPC'),
  EROFS: system('EROFS'),
  ECONNREFUSED: system('ECONNREFUSED'),
  REGISTRY_WRITE: fail('REGISTRY_WRITE', { path: 'p', reason: 'disk I/O error' }, sqlite(10)),
};

/** Errors of a call: they say nothing of the environment. */
const NO_FAULTS: readonly Error[] = [
  fail('REGISTRY_ABSENT', { kind: 'model', name: 'm' }),
  fail('ARTIFACT_UNKNOWN', { digest: 'd' }),
  fail('OFFLINE_QUERY', { reason: 'no such column' }, system('EIO')),
  fail('OFFLINE_MEMORY', { limit: '256MiB' }),
  system('ENOENT'),
  sqlite(19),
  new TypeError('x is not a function'),
];

const folder = mkdtempSync(join(tmpdir(), 'headrace-store-faults-'));
const faults = new InjectedFaults(() => SINCE);
let site: Site;
let stores: SiteStores<StoreName>;

beforeAll(async () => {
  const environment = resolveEnvironment('local', { directory: join(folder, 'contract') }, project.name);
  site = new Site({ project, environment, faults });
  site.makeDirectory();
  const openers = Object.entries(site).filter(([name, of]) => typeof of === 'function' && !NO_OPENERS.includes(name));
  stores = await site.open(...openers.map(([name]) => name as StoreName));
  // Handles of stores have methods of their own.
  await answerOf(() => stores.waitingIds.of('risk'));
  await answerOf(() => stores.online.openCommit?.());
  const staged = await stores.artifacts.stage(bytes());
  await staged.discard();
});

afterAll(async () => {
  await site.close();
  rmSync(folder, { recursive: true, force: true });
});

async function* bytes(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(3);
}

/** What a call gives in the end; a stream is read to its end. */
async function answerOf(call: () => unknown): Promise<unknown> {
  const answer = await call();
  if (typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer)
    for await (const _ of answer as AsyncIterable<unknown>);
  return answer;
}

async function called(injected: Injected): Promise<void> {
  faults.injected = injected;
  const { call } = faults.methods.find(
    ({ store, method }) => store === injected.store && method === injected.method,
  ) ?? { call: () => undefined };
  if (injected.error === null) await answerOf(call);
  else await expect(answerOf(call)).rejects.toBe(injected.error);
  faults.injected = null;
}

test('every store of an environment is watched', () => {
  // Lanes and topics are those of other servers, which an embedded environment does not open.
  const opened = Object.entries(stores).filter(([key, store]) => store !== null && !NO_STORES.includes(key));
  expect(opened.map(([key]) => key)).not.toContain('lanes');
  expect(faults.opened.size).toBe(opened.length);
});

test('reads of the online store, the hottest paths, are called as they are', () => {
  const watchedReads = faults.methods.filter(({ store, method }) => store === 'online store' && /^read/.test(method));
  expect(watchedReads).toEqual([]);
});

test.each(['throws', 'rejects', 'streams'] as const)(
  'a fault of the environment that a method of any store %s is named, with a hint, until the method succeeds',
  async (how) => {
    const part = openPart(storesPart, faults);
    expect(faults.methods.length).toBeGreaterThan(80);
    for (const { store, method } of faults.methods)
      for (const [code, error] of Object.entries(FAULTS)) {
        await called({ store, method, error, how });
        const [text, ...others] = part.health(0);
        expect(others).toEqual([]);
        expect(text).toContain(
          `store "${store}" fails at "${method}" since 2026-01-05T12:00:00.000Z: ${code}: ${error.message}; `,
        );
        const shown = statusOf<Status>([part], { project: 'p', namespace: 'n', now: 0 });
        expect(partKind(storesPart, ['stores']).lines(shown)).toEqual(['stores', `  ${text}`]);
        await called({ store, method, error: null, how });
        expect(part.health(0)).toEqual([]);
      }
  },
);

test('an error of the call is no fault of the environment, and leaves the fault of the method as it is', async () => {
  for (const { store, method } of faults.methods) {
    for (const error of NO_FAULTS) await called({ store, method, error, how: 'rejects' });
    expect(faults.now).toEqual([]);
    await called({ store, method, error: FAULTS['EIO'] ?? null, how: 'throws' });
    for (const error of NO_FAULTS) await called({ store, method, error, how: 'throws' });
    expect(faults.now).toMatchObject([{ store, method, code: 'EIO', failures: 1 }]);
    await called({ store, method, error: null, how: 'throws' });
  }
});

test('other methods, and other stores, do not end the fault of a method', async () => {
  const [first, ...others] = faults.methods;
  await called({ ...first, error: FAULTS['ENOSPC'] ?? null, how: 'throws' });
  await called({ ...first, error: FAULTS['EIO'] ?? null, how: 'throws' });
  for (const other of others) await called({ ...other, error: null, how: 'rejects' });
  expect(faults.now).toMatchObject([{ code: 'EIO', since: SINCE, failures: 2 }]);
  const figures = Object.fromEntries(
    openPart(storesPart, faults)
      .figures()
      .map((figure) => [figure.name, figure]),
  );
  expect(figures['headrace_store_faults']?.read(0)).toContainEqual([{ store: first?.store }, 1]);
  await called({ ...first, error: null, how: 'throws' });
  expect(figures['headrace_store_faults']?.read(0)).toContainEqual([{ store: first?.store }, 0]);
});

test('the error of a function or of a stream that the caller passes is no fault of the store', async () => {
  const failed: unknown[] = [];
  const store = watched(
    {
      with: (work: () => unknown) => work(),
      all: async (values: AsyncIterable<unknown>) => {
        for await (const _ of values);
      },
    },
    {},
    { succeeded: () => undefined, failed: (_, error) => failed.push(error) },
  );
  const error = system('ECONNRESET');
  const broken = async function* () {
    yield 1;
    throw error;
  };
  expect(() =>
    store.with(() => {
      throw error;
    }),
  ).toThrow(error);
  await expect(store.with(() => Promise.reject(error))).rejects.toBe(error);
  await expect(store.all(broken())).rejects.toBe(error);
  expect(failed).toEqual([]);
});

test('every error of the catalogue is of the environment or of the call, and one of the environment has no status of a caller', () => {
  for (const [code, { status, hint }] of Object.entries(catalogue)) {
    const fault = environmentFault(fail(code as keyof typeof catalogue, {} as never));
    if (fault === null) continue;
    expect(fault).toMatchObject({ code, hint });
    expect(status, code).toBeGreaterThanOrEqual(500);
  }
});

test('a fault in several processes of a group is one fault, since the first of them', () => {
  const fault = {
    store: 'rollouts',
    method: 'newest',
    code: 'ROLLOUT_FILE',
    message: 'm',
    hint: 'h',
    since: 5,
    failures: 2,
  };
  const of = (since: number) =>
    statusOf<Status>([openPart(storesPart, { now: [{ ...fault, since }], counts: new Map() })], {
      project: 'p',
      namespace: 'n',
      now: 9,
    });
  expect(
    mergeStatuses([partKind(storesPart, ['stores'])], [of(7), of(5)], { format: 1, project: 'p', series: [] }),
  ).toMatchObject({ stores: { faults: [{ ...fault, since: 5, failures: 4 }] } });
});

interface Break {
  readonly code: string;
  readonly breakIn: (directory: string) => void;
  readonly repairIn: (directory: string) => void;
  /** Meets the fault in the way of a running project. */
  readonly meet: (headrace: Headrace) => Promise<unknown>;
}

/** Stores of a running project, and how each is broken from outside. */
const BREAKS: Readonly<Record<string, Break>> = {
  rollouts: {
    code: 'ROLLOUT_FILE',
    breakIn: (directory) => renameTable(join(directory, 'rollouts.sqlite'), 'rollouts', 'away'),
    repairIn: (directory) => renameTable(join(directory, 'rollouts.sqlite'), 'away', 'rollouts'),
    meet: followChanges,
  },
  playbooks: {
    code: 'PLAYBOOK_FILE',
    breakIn: (directory) => renameTable(join(directory, 'playbooks.sqlite'), 'entries', 'away'),
    repairIn: (directory) => renameTable(join(directory, 'playbooks.sqlite'), 'away', 'entries'),
    meet: followChanges,
  },
  artefacts: {
    code: 'ARTIFACT_READ',
    breakIn: (directory) => replaceFolder(join(directory, 'artifacts')),
    repairIn: (directory) => restoreFolder(join(directory, 'artifacts')),
    meet: async (headrace) => insideOf(headrace).stores.artifacts.put(new Uint8Array(3)),
  },
  'audit log': {
    code: 'AUDIT_WRITE',
    breakIn: (directory) => mkdirSync(join(directory, 'audit.jsonl')),
    repairIn: (directory) => rmdirSync(join(directory, 'audit.jsonl')),
    meet: async ({ directory }) => {
      await audited(directory, { who: 'user', what: 'test', target: 't' }, Date.now, () => undefined);
      renameSync(join(directory, 'audit.jsonl'), join(directory, 'audit.kept'));
    },
  },
  history: {
    code: 'OFFLINE_WRITE',
    breakIn: (directory) => replaceFolder(join(directory, 'offline', 'tables')),
    repairIn: (directory) => restoreFolder(join(directory, 'offline', 'tables')),
    meet: async (headrace) => {
      await headrace.ingest(headrace.source('purchases'), [
        { id: `e${events++}`, at: Date.now(), user: 'u', price: 1, number: 1 },
      ]);
      await headrace.flush();
    },
  },
};

let events = 0;

function renameTable(path: string, from: string, to: string): void {
  const database = new DatabaseSync(path);
  database.exec(`ALTER TABLE ${from} RENAME TO ${to}`);
  database.close();
}

function replaceFolder(path: string): void {
  mkdirSync(path, { recursive: true });
  renameSync(path, `${path}.away`);
  writeFileSync(path, 'a file has the place of the folder');
}

function restoreFolder(path: string): void {
  rmSync(path, { force: true });
  renameSync(`${path}.away`, path);
}

test.each(Object.entries(BREAKS))(
  'broken %s are named by the status, the command and the figures, vectors are served, and a success ends it',
  async (store, { code, breakIn, repairIn, meet }) => {
    const directory = join(folder, store);
    const headrace = await openHeadrace({ project, environment: { directory, partitions: 1 } });
    const server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 20_000 });
    const read = async (path: string): Promise<string> => (await fetch(`${server.url}${path}`)).text();
    try {
      await meet(headrace);
      expect(await read('/v1/status')).toContain('"stores":{"faults":[]}');
      breakIn(directory);
      // The caller gets the error, or the part that follows the store reports it.
      await meet(headrace).catch((error: unknown) => expect(error).toMatchObject({ code }));
      const begin = `store "${store}" fails at "`;
      const { degraded, ready } = headrace.status();
      expect(degraded.find((one) => one.startsWith(begin))).toContain(`: ${code}: `);
      expect(ready).toBe(true);
      const shown = await read('/v1/status');
      expect(JSON.parse(shown).degraded).toContainEqual(expect.stringContaining(begin));
      // Over the network without the folder of the server.
      expect(shown).not.toContain(folder);
      expect(await printed(server.url)).toContain(`\nstores\n  ${begin}`);
      expect(await read('/metrics')).toMatch(new RegExp(`headrace_store_faults\\{store="${store}"\\} 1`));
      expect(await headrace.vector(shopper, { user: 'u', price: 1 })).toHaveProperty('features');
      repairIn(directory);
      await meet(headrace);
      expect(headrace.degraded().filter((one) => one.includes('fails at'))).toEqual([]);
      expect(await read('/v1/status')).toContain('"stores":{"faults":[]}');
    } finally {
      await server.close();
      await headrace.close();
    }
  },
);

test('a store that cannot be opened is a fact of its part: the other parts have their share of the status and of the metrics', async () => {
  const directory = join(folder, 'incidents');
  const headrace = await openHeadrace({ project, environment: { directory, partitions: 1 } });
  const path = join(directory, 'alerts.sqlite');
  try {
    writeFileSync(path, 'x'.repeat(10_000));
    await headrace.tick();
    const { stores: shown, disk, alerts } = headrace.status();
    expect([shown, disk]).toEqual([expect.anything(), expect.anything()]);
    expect(alerts).toMatchObject({ trouble: expect.any(String) });
    expect(headrace.degraded()).toContainEqual(expect.stringContaining('the incidents cannot be read'));
    expect(headrace.notReady()).toEqual([]);
    expect((await headrace.metrics()).text).toContain('headrace_part_degraded{part="alerts"} 1');
    rmSync(path);
    await headrace.tick();
    expect(headrace.status().alerts).toMatchObject({ open: 0, trouble: null });
    expect(headrace.degraded().filter((one) => one.includes('incidents'))).toEqual([]);
  } finally {
    await headrace.close();
  }
});

test('an audited call whose line cannot be written names its outcome', async () => {
  const directory = join(folder, 'unaudited');
  mkdirSync(join(directory, 'audit.jsonl'), { recursive: true });
  const entry = { who: 'user', what: 'forget', target: 't' };
  await expect(audited(directory, entry, Date.now, () => 1)).rejects.toMatchObject({
    code: 'AUDIT_WRITE',
    facts: { what: 'forget', outcome: 'done' },
  });
  const refused = () => {
    throw fail('ARTIFACT_UNKNOWN', { digest: 'd' });
  };
  await expect(audited(directory, entry, Date.now, refused)).rejects.toMatchObject({
    code: 'AUDIT_WRITE',
    facts: { outcome: 'ARTIFACT_UNKNOWN' },
  });
});

async function printed(server: string): Promise<string> {
  let out = '';
  const terminal = {
    out: (text: string) => {
      out += text;
    },
    err: () => undefined,
    interactive: false,
    stopped: new Promise<void>(() => undefined),
  };
  await statusCommand.run(parseCall(statusCommand, [server], terminal));
  return out;
}
