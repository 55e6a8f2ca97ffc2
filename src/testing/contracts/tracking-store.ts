import type { ModelRegistry } from '../../ports/model-registry.ts';
import type { KeyText, Metric } from '../../ports/tracking-store.ts';
import { type Contract, mustEqual, mustFail } from './contract.ts';
import type { RegistrySubject } from './model-registry.ts';

const EVERYTHING = { filter: [], order: [], offset: 0, limit: 100 } as const;
const nothing = { metrics: [], params: [], tags: [] } as const;

/** An experiment with some active runs, whose ids are `a0…`, `b0…`. */
async function withRuns(registry: ModelRegistry, count: number) {
  const experiment = await registry.createExperiment({ name: 'e', artifactLocation: null, tags: [], at: 1 });
  const runs: string[] = [];
  for (let i = 0; i < count; i += 1) {
    const id = `${String.fromCharCode(97 + i)}${'0'.repeat(31)}`;
    await registry.createRun({ id, experiment, name: `r${i}`, user: 'u', startedAt: 100 + i, tags: [] });
    runs.push(id);
  }
  return { experiment, runs };
}

const metric = (key: string, value: number, step: number, at = 10): Metric => ({ key, value, step, at });

/** The rules of `ports/tracking-store.ts` and `ports/logged-models.ts`. */
export const trackingContracts: readonly Contract<RegistrySubject>[] = [
  {
    rule: 6,
    name: 'lists in tags that callers append to at once keep every element, and a tag that holds no list begins one',
    needs: [],
    run: async (subject) => {
      const registry = await subject.open();
      const { runs } = await withRuns(registry, 1);
      await registry.logBatch(runs[0], { ...nothing, tags: [{ key: 'list', value: 'none' }] });
      const append = (i: number) =>
        registry.logBatch(runs[0], { ...nothing, appended: [{ key: 'list', value: `{"i":${i}}` }] });
      await Promise.all(Array.from({ length: 20 }, (_, i) => append(i)));
      const list = (await registry.run(runs[0]))?.tags.find(({ key }) => key === 'list')?.value ?? '';
      const kept = (JSON.parse(list) as readonly { readonly i: number }[]).map(({ i }) => i).sort((a, b) => a - b);
      mustEqual(
        kept,
        Array.from({ length: 20 }, (_, i) => i),
        'elements',
      );
      await registry.close();
    },
  },
  {
    rule: 6,
    name: 'a param never changes, and the same value again is no change',
    needs: [],
    run: async (subject) => {
      const registry = await subject.open();
      const { runs } = await withRuns(registry, 1);
      const log = (value: string) => registry.logBatch(runs[0], { ...nothing, params: [{ key: 'lr', value }] });
      await log('0.1');
      await log('0.1');
      await mustFail('REGISTRY_PARAM', () => log('0.2'), 'another value');
      mustEqual((await registry.run(runs[0]))?.params, [{ key: 'lr', value: '0.1' }], 'params');
      await registry.close();
    },
  },
  {
    rule: 7,
    name: 'a point is stored once, NaN and infinities as they are, and the newest is by step, then time, then value',
    needs: [],
    run: async (subject) => {
      const registry = await subject.open();
      const { runs } = await withRuns(registry, 1);
      const points = [
        metric('m', 1, 2),
        metric('m', Number.NaN, 1),
        metric('m', Number.NEGATIVE_INFINITY, 3, 5),
        metric('m', 7, 3, 4),
      ];
      for (let i = 0; i < 3; i += 1) await registry.logBatch(runs[0], { ...nothing, metrics: points });
      const { rows, more } = await registry.metricHistory(runs[0], 'm', { offset: 0, limit: 10 });
      mustEqual(rows, [points[3], points[2], points[1], points[0]], 'history by time, step, value');
      mustEqual(more, false, 'more');
      mustEqual((await registry.run(runs[0]))?.metrics, [points[2]], 'the newest');
      await registry.close();
    },
  },
  {
    rule: 7,
    name: 'of a history that is longer than asked come points over all of it, with the first and the last',
    needs: [],
    run: async (subject) => {
      const registry = await subject.open();
      const { runs } = await withRuns(registry, 3);
      const log = (run: string, count: number) => {
        const metrics = Array.from({ length: count }, (_, step) => metric('m', step, step));
        return registry.logBatch(run, { ...nothing, metrics });
      };
      await log(runs[0], 10);
      await log(runs[1], 4);
      const steps = async (span: { readonly from: number | null; readonly to: number | null }) =>
        (await registry.metricHistories(runs, 'm', { ...span, limit: 4 })).map(({ run, step }) => run[0] + step);
      const short = ['b0', 'b1', 'b2', 'b3'];
      mustEqual(await steps({ from: null, to: null }), ['a0', 'a3', 'a6', 'a9', ...short], 'all steps');
      mustEqual(await steps({ from: 1, to: 9 }), ['a1', 'a4', 'a7', 'a9', ...short.slice(1)], 'some steps');
      await registry.close();
    },
  },
  {
    rule: 8,
    name: 'a batch with one entry that is refused stores nothing',
    needs: [],
    run: async (subject) => {
      const registry = await subject.open();
      const { runs } = await withRuns(registry, 1);
      const tags: KeyText[] = [{ key: 't', value: 'x' }];
      await registry.logBatch(runs[0], { ...nothing, params: [{ key: 'lr', value: '1' }] });
      const batch = {
        metrics: [metric('m', 1, 0)],
        tags,
        params: [
          { key: 'p', value: '1' },
          { key: 'lr', value: '2' },
        ],
      };
      await mustFail('REGISTRY_PARAM', () => registry.logBatch(runs[0], batch), 'the batch');
      const run = await registry.run(runs[0]);
      mustEqual([run?.metrics, run?.tags, run?.params.length], [[], [], 1], 'what is stored');
      await registry.close();
    },
  },
  {
    rule: 9,
    name: 'a deleted experiment and its runs can be read and restored, and not changed',
    needs: [],
    run: async (subject) => {
      const registry = await subject.open();
      const { experiment, runs } = await withRuns(registry, 1);
      await registry.stageExperiment(experiment, 'deleted', 5);
      mustEqual((await registry.experiment(experiment))?.stage, 'deleted', 'stage');
      mustEqual((await registry.run(runs[0]))?.info.stage, 'deleted', 'stage of its run');
      await mustFail('REGISTRY_DELETED', () => registry.logBatch(runs[0], nothing), 'logging');
      await mustFail('REGISTRY_DELETED', () => registry.renameExperiment(experiment, 'x', 6), 'renaming');
      await mustFail(
        'REGISTRY_EXISTS',
        () => registry.createExperiment({ name: 'e', artifactLocation: null, tags: [], at: 7 }),
        'its name',
      );
      mustEqual(
        (await registry.searchRuns({ ...EVERYTHING, experiments: [experiment], view: 'active' })).rows,
        [],
        'active runs',
      );
      await registry.stageExperiment(experiment, 'active', 8);
      await registry.logBatch(runs[0], nothing);
      await mustFail('REGISTRY_ABSENT', () => registry.logBatch('f'.repeat(32), nothing), 'an absent run');
      await registry.close();
    },
  },
  {
    rule: 9,
    name: 'runs are found by params, tags, metrics and attributes; a missing value comes last, NaN before it',
    needs: [],
    run: async (subject) => {
      const registry = await subject.open();
      const { experiment, runs } = await withRuns(registry, 4);
      const values = [0.5, Number.NaN, 0.9];
      for (const [i, value] of values.entries())
        await registry.logBatch(runs[i], {
          metrics: [metric('auc', value, 0)],
          params: [{ key: 'depth', value: String(i) }],
          tags: [{ key: 'Team', value: i === 0 ? 'ML%' : 'mlops' }],
        });
      const find = async (filter: Parameters<ModelRegistry['searchRuns']>[0]['filter'], ascending = true) => {
        const order = [{ field: { of: 'metric', key: 'auc' } as const, ascending }];
        const { rows } = await registry.searchRuns({
          ...EVERYTHING,
          filter,
          order,
          experiments: [experiment],
          view: 'active',
        });
        return rows.map(({ info }) => info.name);
      };
      const clause = (
        of: 'metric' | 'param' | 'tag' | 'attribute',
        key: string,
        comparison: string,
        value: string | number,
      ) => ({ field: { of, key }, comparison, value }) as Parameters<typeof find>[0][number];
      mustEqual(await find([]), ['r0', 'r2', 'r1', 'r3'], 'ascending');
      mustEqual(await find([], false), ['r2', 'r0', 'r1', 'r3'], 'descending');
      mustEqual(await find([clause('metric', 'auc', '>', 0.6)]), ['r2'], 'a metric');
      const bound = clause('metric', 'auc', '>=', 0.5);
      mustEqual(await find([bound], false), ['r2', 'r0'], 'a metric that orders too, without its NaN');
      mustEqual(await find([bound, clause('tag', 'Team', 'LIKE', 'ml%')]), ['r2'], 'that and a tag');
      mustEqual(await find([bound, clause('param', 'depth', '!=', '2')]), ['r0'], 'that and a param that differs');
      mustEqual(await find([clause('metric', 'auc', '!=', 0.5)]), ['r2', 'r1'], 'a metric that differs');
      mustEqual(await find([clause('param', 'depth', '=', '1')]), ['r1'], 'a param');
      mustEqual(await find([clause('tag', 'Team', 'LIKE', 'ml%')]), ['r2', 'r1'], 'a tag, case counts');
      mustEqual(await find([clause('tag', 'Team', 'ILIKE', 'ml%')]), ['r0', 'r2', 'r1'], 'a tag, case does not count');
      mustEqual(await find([clause('tag', 'Team', '!=', 'mlops')]), ['r0'], 'a tag that differs is there');
      mustEqual(await find([clause('attribute', 'start_time', '>=', 102)]), ['r2', 'r3'], 'an attribute');
      mustEqual(await find([clause('attribute', 'start_time', '>', 100.5)]), ['r2', 'r1', 'r3'], 'by a fraction');
      mustEqual(await find([clause('attribute', 'start_time', '>', 1e20)]), [], 'by a number beyond 64 bits');
      await registry.close();
    },
  },
  {
    rule: 10,
    name: 'a logged model has its params, tags and metrics until it is deleted',
    needs: [],
    run: async (subject) => {
      const registry = await subject.open();
      const { experiment, runs } = await withRuns(registry, 1);
      const id = `m-${'1'.repeat(32)}`;
      await registry.createLoggedModel({
        id,
        experiment,
        name: 'm',
        modelType: '',
        sourceRun: runs[0],
        params: [{ key: 'p', value: '1' }],
        tags: [],
        at: 1,
      });
      await registry.logBatch(runs[0], {
        ...nothing,
        metrics: [{ ...metric('auc', 0.7, 0), modelId: id, datasetName: 'train' }],
      });
      await registry.finishLoggedModel(id, 'LOGGED_MODEL_READY', 2);
      const model = await registry.loggedModel(id);
      mustEqual(
        [model?.status, model?.params, model?.metrics.map(({ value, datasetName }) => [value, datasetName])],
        ['LOGGED_MODEL_READY', [{ key: 'p', value: '1' }], [[0.7, 'train']]],
        'the model',
      );
      await registry.deleteLoggedModel(id, 3);
      mustEqual(await registry.loggedModel(id), null, 'a deleted one');
      await mustFail('REGISTRY_ABSENT', () => registry.tagLoggedModel(id, [], 4), 'tagging it');
      await registry.close();
    },
  },
  {
    rule: 9,
    name: 'deleted runs and experiments are removed for good after their time, but one that a version came from is not',
    needs: [],
    run: async (subject) => {
      const registry = await subject.open();
      const { experiment, runs } = await withRuns(registry, 4);
      const [kept, young, source, gone] = runs;
      await registry.logBatch(gone, { metrics: [metric('m', 1, 1)], params: [], tags: [{ key: 't', value: 'v' }] });
      const path = (await registry.run(gone))?.info.artifactUri.replace('mlflow-artifacts:/', '') ?? '';
      await registry.nameFile({ path: `${path}/model.pkl`, digest: 'a'.repeat(64), sizeBytes: 1 }, 1);
      await registry.createModel({ name: 'm', description: '', tags: [], at: 1 });
      const none = { source: 's', runLink: '', loggedModel: '', user: '', description: '', tags: [], files: [] };
      await registry.createVersion({ ...none, model: 'm', run: source, digest: null, at: 1 });
      for (const run of [source, gone]) await registry.stageRun(run, 'deleted', 50);
      await registry.stageRun(young, 'deleted', 90);
      mustEqual(await registry.purgeRuns(60, 10), 1, 'removed');
      mustEqual(await registry.purgeRuns(60, 10), 0, 'removed again');
      mustEqual(await registry.run(gone), null, 'the old one');
      mustEqual(await registry.file(`${path}/model.pkl`), null, 'the name of its artefact');
      const there = await Promise.all([kept, young, source].map(async (run) => (await registry.run(run)) !== null));
      mustEqual(there, [true, true, true], 'the others');
      await registry.stageExperiment(experiment, 'deleted', 100);
      mustEqual(await registry.purgeExperiments(200), 0, 'an experiment with runs');
      const empty = await registry.createExperiment({ name: 'empty', artifactLocation: null, tags: [], at: 1 });
      await registry.stageExperiment(empty, 'deleted', 100);
      mustEqual(await registry.purgeExperiments(100), 0, 'too young');
      mustEqual(await registry.purgeExperiments(101), 1, 'an experiment without runs');
      mustEqual(await registry.experiment(empty), null, 'the experiment');
      await registry.close();
    },
  },
];
