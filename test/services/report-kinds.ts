import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { costText, durationText, numberText, shareText } from '../../console/src/look/format.ts';
import { root, runCommand } from '../../scripts/run-command.ts';
import { seededRandom } from '../../src/base/rng.ts';
import type { CostPlan } from '../../src/cost/plan/plan.ts';
import type { Diagnosis } from '../../src/gpu/diagnosis.ts';
import { captureJson } from '../../src/labs/captures/capture.ts';
import { trainingRun } from '../../src/labs/captures/training-run.ts';
import type { Comparison } from '../../src/monitoring/detect/comparison.ts';
import type { FeaturesReport } from '../../src/monitoring/features/features-report.ts';
import type { WindowReport } from '../../src/monitoring/report/window-report.ts';
import type { ReportKind } from '../../src/report/report-kinds.ts';
import { readDriftReport } from '../../src/server/routes/drift-report.ts';
import { WatchedRun, watchedProject } from '../playbook/watched-project.ts';

/** A table of a page by its name: of each row the cells at these places. */
export interface ExpectedTable {
  readonly table: string;
  readonly at: readonly number[];
  readonly rows: readonly (readonly string[])[];
}

/** The JSON of a report, and the figures of it that its page must show. */
export interface MadeReport {
  readonly json: string;
  readonly tables: readonly ExpectedTable[];
}

const HOUR_MS = 3_600_000;
const START = Date.UTC(2026, 0, 5);

/** The JSON of a command. */
async function reportOf(words: readonly string[], cwd = root): Promise<string> {
  const program = ['--conditions=headrace-source', `${root}/src/cli/start.ts`, ...words, '--json'];
  const { code, stdout, output } = await runCommand(process.execPath, program, { cwd });
  if (code !== 0) throw new Error(output);
  return stdout;
}

/** The diagnosis of the traces of three ranks. */
export async function diagnosisOf(fault: 'straggler' | 'none'): Promise<string> {
  const run = { fault, share: 0.3, steps: 6, kernelsPerStep: 60, kernelUs: 80, ranks: 3, random: seededRandom(9) };
  return inFolder((folder) => {
    const files = trainingRun(run).map((capture) => {
      const file = `rank-${capture.rank}.json`;
      writeFileSync(join(folder, file), captureJson(capture));
      return file;
    });
    return reportOf(['gpu', 'diagnose', ...files], folder);
  });
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'headrace-reports-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A plan of the example with everything that it can have. */
export function planJson(): Promise<string> {
  const place = `${root}/examples/training-cost`;
  const inputs = ['--profile', `${place}/loader-bound.json`, '--prices', `${place}/offers.json`];
  const spot = ['--trace', `${place}/aws-p2-2020-11-20.csv`, '--time-unit', 'h'];
  return reportOf(['cost', 'plan', `${place}/job.json`, ...inputs, ...spot]);
}

async function gpu(): Promise<MadeReport> {
  const json = await diagnosisOf('straggler');
  const { traces, findings } = JSON.parse(json) as Diagnosis;
  const rows = traces.map(({ stepUs, decomposition: { idleUs, computationUs, totalUs } }) => [
    durationText(stepUs / 1_000),
    shareText(idleUs / totalUs),
    shareText(computationUs / totalUs),
  ]);
  const remaining = findings.flatMap(({ id, step, remainingStepUs }) =>
    step === null || remainingStepUs === null ? [] : [[id, durationText(remainingStepUs / 1_000)]],
  );
  return {
    json,
    tables: [
      { table: 'Devices', at: [2, 3, 4], rows },
      { table: 'What would remain of the step', at: [1, 3], rows: remaining },
    ],
  };
}

async function cost(): Promise<MadeReport> {
  const json = await planJson();
  const { waterfall, techniques, total } = JSON.parse(json) as CostPlan;
  return {
    json,
    tables: [
      {
        table: 'The bill, change by change',
        at: [0, 1, 2],
        rows: waterfall.map(({ name, savedUsd, costUsd }) => [name, costText(savedUsd), costText(costUsd)]),
      },
      { table: 'Techniques', at: [1, 3], rows: techniques.map((one) => [one.title, numberText(one.marginal)]) },
      {
        table: 'What the spread is from',
        at: [0, 1],
        rows: total.inputs.map(({ name, share }) => [name, shareText(share)]),
      },
    ],
  };
}

function comparisonTables({ features, slices }: Comparison): readonly ExpectedTable[] {
  const drifted = features.map(({ state, name, effect, limit, missing, rows, reason }) => [
    `${state}`,
    name,
    numberText(effect?.debiasedPsi),
    numberText(limit?.psi),
    shareText(missing.current / Math.max(1, rows.current)),
    reason,
  ]);
  const sliced = slices.map(({ column, value, rows }) => [`${column} = ${value}`, numberText(rows.current)]);
  return [
    { table: 'Features against the training set', at: [0, 1, 2, 3, 4, 5], rows: drifted },
    ...(slices.length === 0 ? [] : [{ table: 'Slices', at: [1, 3], rows: sliced }]),
  ];
}

async function comparison(): Promise<MadeReport> {
  const json = await inFolder((folder) => {
    const random = seededRandom(4);
    const csv = (name: string, shift: number) => {
      const lines = Array.from({ length: 3_000 }, (_, i) => `${shift + 10 * random()},${i % 7},${'abc'[i % 3]}`);
      writeFileSync(join(folder, name), `amount,number,place\n${lines.join('\n')}\n`);
      return name;
    };
    const tables = [csv('reference.csv', 0), csv('current.csv', 3)];
    return reportOf(['drift', 'compare', ...tables, '--slice', 'place'], folder);
  });
  return { json, tables: comparisonTables(JSON.parse(json) as Comparison) };
}

/** A drifted window of a model and the features of its day, by a project that predicts. */
async function windowAndFeatures(): Promise<{ readonly window: MadeReport; readonly features: MadeReport }> {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-report-window-'));
  const run = await WatchedRun.open(directory, watchedProject({ mode: 'dryRun', retrain: { rows: 200 } }));
  try {
    await run.firstChampion();
    for (let at = 1; at <= 11; at += 1) await run.traffic(at);
    await run.traffic(12, { shift: 6, turned: true });
    await run.headrace.playbook(run.watched).step({ wait: true });
    await run.headrace.flush();
    const query = { from: String(START + 12 * HOUR_MS), to: String(START + 13 * HOUR_MS) };
    const asked = { name: 'watched', query };
    const { body } = await readDriftReport.run({ headrace: run.headrace } as never, asked as never);
    const features = await run.headrace.featuresReport(START, START + 24 * HOUR_MS);
    return { window: windowOf(String(body)), features: featuresOf(JSON.stringify(features)) };
  } finally {
    await run.headrace.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

function windowOf(json: string): MadeReport {
  const { comparison: found, causes, slices } = JSON.parse(json) as WindowReport;
  if (found === null || slices === null) throw new Error('the window has no comparison, or no slices');
  return {
    json,
    tables: [
      ...comparisonTables(found),
      {
        table: 'Causes by feature',
        at: [1, 2, 3],
        rows: causes.features.map((one) => [one.feature, shareText(one.lossShare), numberText(one.debiasedPsi)]),
      },
      {
        table: 'Slices with the highest loss',
        at: [0, 1, 2, 3],
        rows: slices.slices.map((one) => [
          one.conditions.join(' and '),
          numberText(one.rows),
          numberText(one.loss),
          numberText(one.restLoss),
        ]),
      },
    ],
  };
}

function featuresOf(json: string): MadeReport {
  const { services, sources } = JSON.parse(json) as FeaturesReport;
  const profiles = (columns: FeaturesReport['sources'][number]['columns']) =>
    columns.map(({ name, nullRate, distinct, mean }) => [
      name,
      shareText(nullRate),
      numberText(distinct),
      numberText(mean),
    ]);
  const at = [0, 2, 6, 8];
  return {
    json,
    tables: [
      ...services
        .filter(({ vectors }) => vectors > 0)
        .map((one) => ({ table: `Served values of ${one.service}`, at, rows: profiles(one.features) })),
      ...sources.map((one) => ({ table: `Columns of ${one.source}`, at, rows: profiles(one.columns) })),
    ],
  };
}

/** Makes a report of each kind, by its command or by a project. */
export async function madeReports(): Promise<Readonly<Record<ReportKind, MadeReport>>> {
  const { window, features } = await windowAndFeatures();
  return { window, features, comparison: await comparison(), gpu: await gpu(), cost: await cost() };
}
