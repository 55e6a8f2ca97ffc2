import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isAlive } from '../../src/base/is-alive.ts';
import { historyProgram } from '../../src/cli/serve/history-program.ts';
import type { AskedTrainingSet } from '../../src/featurestore/training-set/asked-training-set.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { clearHistoryScratch } from '../../src/site/history-files.ts';
import { until } from '../until.ts';
import { slowProject } from './beside/project.ts';

const CONFIG = fileURLToPath(new URL('./beside/headrace.config.ts', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'headrace-program-'));
const directory = join(root, 'data');
const END = Date.now();
let headrace: Headrace;

beforeAll(async () => {
  process.env['BESIDE_DIRECTORY'] = directory;
  headrace = await openHeadrace({ project: slowProject, environment: { directory, partitions: 1 } });
  const at = (i: number) => END - (60 - i) * 20_000;
  const rows = Array.from({ length: 60 }, (_, i) => i);
  await headrace.ingest(
    headrace.source('purchases'),
    rows.map((i) => ({ id: `t${i}`, at: at(i), user: `u${i % 4}`, price: i, number: i })),
  );
  await headrace.ingest(
    headrace.source('returns'),
    rows.map((i) => ({ id: `r${i}`, at: at(i) + 1, purchase: `t${i}`, returned: i % 3 === 0 })),
  );
});

afterAll(async () => {
  await headrace.close();
  rmSync(root, { recursive: true, force: true });
});

const program = (config = CONFIG) => historyProgram({ options: { config } }, () => clearHistoryScratch(headrace));
const between = { from: null, to: END };
const path = join(root, 'sets', 'set.parquet');
const asked: AskedTrainingSet = {
  kind: 'model',
  model: 'risk',
  between,
  now: END + 3_600_000,
  mode: 'corrected',
  path,
};

/** A configuration that does something before it gives the project. */
function configThat(does: string): string {
  const file = join(root, `config-${readdirSync(root).length}.ts`);
  writeFileSync(file, `${does}\nexport { default } from ${JSON.stringify(CONFIG)};\n`);
  return file;
}

/** What is left of a set and in the scratch folder of the history by other processes than this one. */
function leftovers(): readonly string[] {
  const scratch = readdirSync(join(directory, 'offline', 'scratch')).filter(
    (name) => !name.startsWith(`${process.pid}-`),
  );
  return [...readdirSync(join(root, 'sets')), ...scratch];
}

test('another process writes the same bytes, and what it meets is the error of this one', async () => {
  mkdirSync(join(root, 'sets'));
  const here = join(root, 'here.parquet');
  await headrace.writeTrainingSet(slowProject.models[0], here, { to: END });
  const summary = await program()(asked, {});
  expect(summary).toMatchObject({ path, rows: 60, unlabelled: 0 });
  expect(readFileSync(path).equals(readFileSync(here))).toBe(true);
  rmSync(path);
  await expect(program()({ ...asked, model: 'none' }, {})).rejects.toMatchObject({
    code: 'MODEL_UNKNOWN',
    message: expect.stringContaining('"none"'),
  });
  await expect(program(join(root, 'none.ts'))(asked, {})).rejects.toMatchObject({ code: 'CONFIG_FILE' });
  expect(leftovers()).toEqual([]);
});

const dies = `
import { mkdirSync, writeFileSync } from 'node:fs';
writeFileSync(${JSON.stringify(`${path}.partial`)}, 'half');
mkdirSync(${JSON.stringify(join(directory, 'offline', 'scratch'))} + \`/\${process.pid}-0\`);
`;

test.each([
  ['exit code 7', `${dies}process.exit(7);`],
  ['signal SIGKILL', `${dies}process.kill(process.pid, 'SIGKILL');`],
])('a process that ends with %s is an error that says so, and leaves no file', async (outcome, does) => {
  await expect(program(configThat(does))(asked, {})).rejects.toMatchObject({ code: 'JOB_PROCESS', facts: { outcome } });
  expect(leftovers()).toEqual([]);
});

test('a cancelled set ends its process wherever it is, and leaves no file', async () => {
  const marker = join(root, 'begun');
  const hangs = configThat(
    `${dies}writeFileSync(${JSON.stringify(marker)}, String(process.pid));\nawait new Promise(() => setInterval(() => {}, 1_000));`,
  );
  const stopped = new AbortController();
  const writing = program(hangs)(asked, { signal: stopped.signal });
  writing.catch(() => undefined);
  await until(() => existsSync(marker) && readFileSync(marker, 'utf8') !== '');
  stopped.abort();
  await expect(writing).rejects.toMatchObject({ code: 'JOB_CANCELLED' });
  expect(isAlive(Number(readFileSync(marker, 'utf8')))).toBe(false);
  await expect(program()(asked, { signal: stopped.signal })).rejects.toMatchObject({ code: 'JOB_CANCELLED' });
  expect(leftovers()).toEqual([]);
});

test('only this many processes run at a time; one that is cancelled while it waits ends at once', async () => {
  const folder = join(root, 'running');
  mkdirSync(folder);
  const hangs = configThat(
    `import { writeFileSync } from 'node:fs';\nwriteFileSync(${JSON.stringify(folder)} + \`/\${process.pid}\`, '');\nawait new Promise(() => setInterval(() => {}, 1_000));`,
  );
  const write = program(hangs);
  const sets = Array.from({ length: 4 }, () => {
    const stopped = new AbortController();
    const writing = write(asked, { signal: stopped.signal }).catch((error: unknown) => error);
    return { stopped, writing };
  });
  const [first, , third] = sets;
  await until(() => readdirSync(folder).length === 2);
  third.stopped.abort();
  expect(await third.writing).toMatchObject({ code: 'JOB_CANCELLED' });
  expect(readdirSync(folder)).toHaveLength(2);
  first.stopped.abort();
  await until(() => readdirSync(folder).length === 3);
  expect(readdirSync(folder).filter((pid) => isAlive(Number(pid)))).toHaveLength(2);
  for (const { stopped } of sets) stopped.abort();
  for (const { writing } of sets) expect(await writing).toMatchObject({ code: 'JOB_CANCELLED' });
});

test('a training that is cancelled at any of its steps registers nothing and leaves no run', async () => {
  const runs = () => readdirSync(join(directory, 'runs'));
  const [risk] = slowProject.models;
  // In this process, where each look at the signal is counted.
  insideOf(headrace).training.trainSetsBy(() => null);
  const reached = new Set<number>();
  // A signal that is aborted once it was looked at this often: each look is a step of the training.
  for (let looks = 0; ; looks += 1) {
    const { signal, wasAborted } = abortedAfter(looks);
    const training = headrace.train(risk, { to: END, signal });
    if (
      await training.then(
        () => !wasAborted(),
        () => false,
      )
    )
      break;
    await expect(training).rejects.toMatchObject({ code: 'JOB_CANCELLED' });
    reached.add(looks);
    expect(runs()).toEqual([]);
    expect((await headrace.versions(risk)).versions).toEqual([]);
  }
  expect(reached.size, 'it is looked in the set, in the job and before the registration').toBeGreaterThanOrEqual(3);
  expect((await headrace.versions(risk)).versions).toHaveLength(1);
});

/** A signal that turns aborted at the look after this many. */
function abortedAfter(looks: number): { readonly signal: AbortSignal; readonly wasAborted: () => boolean } {
  const controller = new AbortController();
  let left = looks;
  const signal = new Proxy(controller.signal, {
    get(target, name) {
      if (name === 'aborted') {
        if (left === 0) controller.abort();
        left -= 1;
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { signal, wasAborted: () => controller.signal.aborted };
}
