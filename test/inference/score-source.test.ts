import { cpSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareText } from '../../src/base/text-order.ts';
import {
  defineProject,
  eq,
  featureService,
  lookup,
  model,
  scoreSource,
  streamInference,
  text,
} from '../../src/features/define/declare.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { asked, came, small } from '../models/small-project.ts';
import { acceptedScores, outputsIn, type SentOutput, scoreProject, scoresOf, sortedScores } from './score-site.ts';
import { event, PARTITIONS, registerVersions, VERSIONS } from './stream-site.ts';

/** More by hand: `HEADRACE_SCORES_RUNS=100`. */
const RUNS = Number(process.env['HEADRACE_SCORES_RUNS'] ?? 2);
const START = Date.UTC(2026, 0, 1);

const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('send' as const), count: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('again' as const), back: fc.nat(25) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('late' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), minutes: fc.integer({ min: 1, max: 90 }) }) },
  { weight: 7, arbitrary: fc.record({ kind: fc.constant('tick' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('roll' as const), version: fc.integer({ min: 1, max: VERSIONS }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('kill' as const) }) },
);
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

const root = mkdtempSync(join(tmpdir(), 'headrace-scores-'));
await registerVersions(join(root, 'empty'));

type Site = ReturnType<typeof scoreProject>;

class Program {
  directory = '';
  now = START;
  readonly files = mkdtempSync(join(root, 'files-'));
  site: Site;
  #sent: ReturnType<typeof event>[] = [];
  #headrace: Headrace | null = null;

  constructor(site?: Site) {
    this.site = site ?? scoreProject({ files: { kind: 'files', directory: this.files, every: '1ms' } });
  }

  get headrace(): Headrace {
    if (this.#headrace === null) throw new Error('it is not open');
    return this.#headrace;
  }

  async start(from = join(root, 'empty')): Promise<this> {
    const directory = mkdtempSync(join(root, 'life-'));
    cpSync(from, directory, { recursive: true });
    this.directory = directory;
    await this.open();
    return this;
  }

  async open(project = this.site.project): Promise<void> {
    this.#headrace = await openHeadrace({
      project,
      environment: { directory: this.directory, partitions: PARTITIONS },
      clock: () => this.now,
      onFault: (error) => {
        throw error;
      },
    });
  }

  async send(count: number, lateMs = 0): Promise<void> {
    const from = this.#sent.length + 1;
    const events = Array.from({ length: count }, (_, i) => {
      this.now += 1_000;
      return event(from + i, this.now - lateMs);
    });
    this.#sent.push(...events);
    await this.headrace.ingest(asked, events);
  }

  async do(one: Action): Promise<void> {
    this.now += 1;
    if (one.kind === 'send') await this.send(one.count);
    else if (one.kind === 'again') await this.headrace.ingest(asked, this.#sent.slice(-one.back).slice(0, 4));
    else if (one.kind === 'late') await this.send(1, asked.latenessMs + 1);
    else if (one.kind === 'wait') this.now += one.minutes * 60_000;
    else if (one.kind === 'tick') await this.headrace.tick();
    else if (one.kind === 'roll')
      await this.headrace
        .stream('scored')
        .roll({ version: one.version, cutOver: { kind: 'immediate' }, replace: true });
    else if (one.kind === 'restart') {
      await this.headrace.close();
      await this.open();
    } else {
      // The files that a killed process leaves, and not its memory.
      const { headrace, directory } = this;
      await this.start(directory);
      await headrace.close();
    }
  }

  async outputs(): Promise<readonly SentOutput[]> {
    const { outputs } = await this.headrace.stream('scored').outputs({ cursor: null, most: 100_000 });
    return outputs;
  }
}

test('whatever is sent again or late, over rolls, restarts and kills: a score is once in its source and once in a sink, and features, training and backfill agree', async () => {
  const run = fc.asyncProperty(fc.array(action, { minLength: 15, maxLength: 40 }), async (actions) => {
    const program = await new Program().start();
    await program.headrace.tick();
    for (const one of actions) await program.do(one);
    await program.send(9);
    program.now += 5_000;
    await program.headrace.tick();
    await program.headrace.tick();
    const outputs = await program.outputs();
    const { ofName, scoreService, scores } = program.site;
    const expected = scoresOf(outputs.filter(({ at, scoredAt }) => scoredAt - at <= scores.latenessMs));
    const vectors = async () =>
      Promise.all(['n0', 'n3', 'n6'].map((name) => program.headrace.vector(scoreService, { name }, program.now)));
    const served = await vectors();
    for (const [i, name] of ['n0', 'n3', 'n6'].entries()) {
      const since = Math.floor((program.now - 86_400_000) / 7_200_000) * 7_200_000;
      const own = expected.filter(
        ({ id, at }) => event(Number(id.slice(1)), 0).name === name && at >= since && at < program.now,
      );
      expect(served[i].features.by_scored_1d).toBe(own.length);
      const sum = own.reduce((total, { score }) => total + score, 0);
      if (own.length > 0) expect(served[i].features.by_score_1d).toBeCloseTo(sum / own.length, 12);
    }
    await program.headrace.backfill(ofName);
    expect((await vectors()).map(({ features }) => features)).toEqual(served.map(({ features }) => features));
    await program.headrace.close();
    expect(sortedScores(await acceptedScores(program.directory, program.site))).toEqual(sortedScores(expected));
    const firsts = outputs.filter(({ first }) => first === undefined);
    const placed = (some: readonly SentOutput[]) =>
      some.map(({ partition, offset }) => `${partition}/${offset}`).sort();
    expect(placed(outputsIn(program.files))).toEqual(placed(firsts));
  });
  await fc.assert(run, { numRuns: RUNS });
}, 3_600_000);

test('a training set has the scores that were there at its instants', async () => {
  const program = await new Program().start();
  await program.headrace.tick();
  const instants: number[] = [];
  for (let step = 0; step < 6; step += 1) {
    await program.send(14);
    program.now += 10_000;
    await program.headrace.tick();
    instants.push(program.now);
    program.now += 17 * 60_000;
  }
  const { scoreService } = program.site;
  const asks = instants.flatMap((at) => ['n1', 'n5'].map((name) => ({ at, name })));
  const spine = join(program.files, 'spine.csv');
  writeFileSync(spine, `at,name\n${asks.map(({ at, name }) => `${at},${name}`).join('\n')}\n`);
  const set = join(program.files, 'set.parquet');
  await program.headrace.writeTrainingSet(scoreService, set, { spine: { path: spine, time: 'at' } });
  const columns = 'by_scored_1h, by_score_1h, by_scored_1d, by_score_1d, by_version_1d';
  const found: unknown[] = [];
  for await (const rows of program.headrace.history.query(`SELECT "at", name, ${columns} FROM read_parquet('${set}')`))
    for (const [at, name, ...values] of rows) found.push({ at: Number(at), name, values: values.map(Number) });
  const served = await Promise.all(
    asks.map(async ({ at, name }) => {
      const { features } = await program.headrace.vector(scoreService, { name }, at);
      return { at, name, values: columns.split(', ').map((column) => Number(Reflect.get(features, column))) };
    }),
  );
  expect(found).toEqual(served);
  expect(served.at(-1)?.values[2]).toBe(12);
  await program.headrace.close();
});

test('a source of scores that is declared later has all that the log keeps, as if it had been there', async () => {
  const site = scoreProject();
  const before = defineProject('p', { asked, came, small, scored: site.scored });
  const program = new Program({ ...site, project: before as Site['project'] });
  await program.start();
  for (let hour = 0; hour < 8; hour += 1) {
    await program.send(5);
    await program.headrace.tick();
    program.now += 3_600_000;
  }
  await program.headrace.close();
  await program.open(site.project);
  await program.headrace.tick();
  const expected = sortedScores(scoresOf(await program.outputs()));
  expect(expected).toHaveLength(40);
  expect(program.headrace.counters(site.scores).admission).toMatchObject({ accepted: 40, late: 0 });
  // What comes from now on is stamped when it is taken.
  await program.send(5);
  await program.headrace.tick();
  await program.headrace.close();
  expect(await acceptedScores(program.directory, site)).toHaveLength(45);
});

test('an entity that is forgotten by the events of a stream is forgotten in their scores too', async () => {
  const program = await new Program().start();
  await program.send(14);
  await program.headrace.tick();
  const report = await program.headrace.forget('name', { name: 'n3' });
  expect(report.untouched).not.toContain('asked_scores@1');
  await program.send(7);
  await program.headrace.tick();
  await program.headrace.close();
  const ids = (await acceptedScores(program.directory, program.site)).map(({ id }) => id);
  expect(ids.toSorted(compareText)).toEqual(
    Array.from({ length: 21 }, (_, i) => `a${i + 1}`)
      .filter((id) => id !== 'a3' && id !== 'a10')
      .toSorted(compareText),
  );
});

test('nobody else sends the events of a source of scores', async () => {
  const program = await new Program().start();
  const { headrace, site } = program;
  const refusal = { code: 'STREAM_FED', status: 400 };
  const some = [{ id: 'x', at: program.now }];
  const source = headrace.source(site.scores.name);
  await expect(headrace.ingest(source, some)).rejects.toMatchObject(refusal);
  await expect(headrace.bootstrap(source, some)).rejects.toMatchObject(refusal);
  await headrace.close();
  const environment = {
    directory: mkdtempSync(join(root, 'topic-')),
    sources: { asked_scores: { kind: 'kafka' as const, brokers: ['127.0.0.1:1'], topic: 't' } },
  };
  await expect(openHeadrace({ project: site.project, environment })).rejects.toMatchObject(refusal);
});

const stream = (name: string, to: string, more = {}) =>
  streamInference(name, { model: small, from: asked, to, ...more });

test.each<readonly [string, string, () => unknown]>([
  [
    'an engine scores the stream',
    'STREAM_SCORES',
    () => scoreSource('s', { of: stream('a', 'b', { scoredBy: 'engine' }) }),
  ],
  [
    'a column has the name already',
    'STREAM_SCORES',
    () => scoreSource('s', { of: stream('a', 'b'), columns: { score: 'number' } }),
  ],
  [
    'two columns have one name',
    'STREAM_SCORES',
    () => scoreSource('s', { of: stream('a', 'b'), columns: { score: 'x', version: 'x' } }),
  ],
  [
    'scores may come less late than events',
    'STREAM_SCORES',
    () => scoreSource('s', { of: stream('a', 'b'), lateness: '1m' }),
  ],
  ['a score has too many digits', 'COLUMN_SCALE', () => scoreSource('s', { of: stream('a', 'b'), scale: 16 })],
  [
    'the source is a copy',
    'STREAM_SCORES',
    () => defineProject('p', { s: { ...scoreSource('s', { of: stream('a', 'b') }) } }),
  ],
  ['a stream scores its own scores', 'STREAM_CYCLE', () => scoredAgain('scored', 'other')],
  ['a stream writes to the topic that it depends on', 'STREAM_CYCLE', () => scoredAgain('other', 'scores')],
  [
    'two streams write to one topic',
    'NAME_TWICE',
    () => defineProject('p', { a: stream('a', 'x'), b: stream('b', 'x') }),
  ],
  ['a sink of an unknown kind', 'STREAM_SINK', () => stream('a', 'b', { sinks: { s: { kind: 'pigeon' } } })],
  [
    'a sink of an engine',
    'STREAM_SINK',
    () => stream('a', 'b', { scoredBy: 'engine', sinks: { s: { kind: 'files', directory: 'd' } } }),
  ],
  [
    'credentials in an address',
    'STREAM_SINK',
    () => stream('a', 'b', { sinks: { s: { kind: 'webhook', url: 'http://a:b@c' } } }),
  ],
  [
    'a duration that is none',
    'WINDOW_TEXT',
    () => stream('a', 'b', { sinks: { s: { kind: 'files', directory: 'd', every: 'often' } } }),
  ],
])('refused where it is declared: %s', (_, code, declare) => {
  expect(declare).toThrow(expect.objectContaining({ code }));
});

/** A stream over a model whose features are scores of the stream `scored`. */
function scoredAgain(name: string, to: string) {
  const { ofName } = scoreProject();
  const service = featureService('again', {
    request: { name: text() },
    join: (r) => ({ by: lookup(ofName, { name: r.name }) }),
  });
  const again = model('again', {
    task: 'binary',
    service,
    spine: { from: asked, id: 'id' },
    label: { from: came, id: 'asked', value: (e) => eq(e.good, true), within: '1d' },
    train: { with: { kind: 'logisticRegression' } },
  });
  return streamInference(name, { model: again, from: asked, to });
}

test('a stream over a model whose features are scores of another stream is a project', () => {
  expect(
    defineProject('p', { chained: scoredAgain('chained', 'chained_scores') }).streams?.map(({ name }) => name),
  ).toEqual(['chained', 'scored']);
});
