import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { localTraining } from '../src/compose/training-backends.ts';
import { rankCorrelation } from '../src/stats/rank-correlation.ts';
import { runSweep, type SweepOutcome } from '../src/training/sweep/run-sweep.ts';
import { parseSweep } from '../src/training/sweep/sweep-file.ts';
import { jobCommand } from '../test/training/embedded-program.ts';
import { printFigure } from './figure.ts';

/**
 * ASHA with two workers over boosted trees on flights, next to the same trials trained in full: steps that are trained, and the
 * AUC on the last rows by time that the best trial loses. HEADRACE_BENCH_TRIALS takes fewer or more trials.
 */
const TRIALS = Number(process.env['HEADRACE_BENCH_TRIALS'] ?? 27);
const FLIGHTS = resolve('../shared/data/features/flights_3m/flights-3m.parquet');
const ROWS = 40_000;
if (!existsSync(FLIGHTS)) throw new Error(`the flights are needed: ${FLIGHTS}`);

const folder = mkdtempSync(join(tmpdir(), 'headrace-sweep-bench-'));
try {
  const command = jobCommand(await flightsJob());
  const shared = {
    command,
    parameters: {
      learningRate: { min: 0.01, max: 1, scale: 'log' },
      leaves: { min: 4, max: 64, whole: true },
      l2: { min: 0.01, max: 100, scale: 'log' },
      rowShare: { min: 0.3, max: 1 },
    },
    trials: TRIALS,
    seed: 4,
    budget: { min: 4, max: 108 },
    workers: 2,
  };
  const full = await sweep('full', { ...shared, scheduler: { kind: 'full' } });
  const asha = await sweep('asha', { ...shared, scheduler: { kind: 'asha', eta: 3 } });
  const [best, found] = [aucOf('full', full), aucOf('asha', asha)];
  printFigure({
    name: `ASHA over ${TRIALS} trials of boosted trees on ${ROWS} flights, 2 workers: trees trained`,
    unit: 'trees',
    value: asha.trained,
    yardstick: 'all trials in full',
    yardstickValue: full.trained,
    aim: { of: 'ratio', atMost: 1 / 8 },
  });
  printFigure({
    name: 'the same: AUC lost by its best trial',
    unit: 'AUC',
    value: best - found,
    yardstick: 'best trial of all in full',
    yardstickValue: best,
    aim: { of: 'value', atMost: 0.002 },
  });
  const first = new Map(asha.results.filter(({ rung }) => rung === 0).map(({ trial, loss }) => [trial, loss]));
  const both = full.results.filter(({ trial, loss }) => loss !== null && first.get(trial) != null);
  printFigure({
    name: 'the same: rank correlation of the first rung with full trials',
    unit: '',
    value:
      rankCorrelation(
        both.map(({ trial }) => first.get(trial) ?? 0),
        both.map(({ loss }) => loss ?? 0),
      ) ?? Number.NaN,
    yardstick: null,
    yardstickValue: null,
    aim: null,
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function sweep(name: string, file: unknown): Promise<SweepOutcome> {
  const home = join(folder, name);
  mkdirSync(home);
  return runSweep({
    name,
    folder: home,
    sweep: parseSweep(file),
    open: (trial) => localTraining(trial, ''),
    run: { pollMs: 50 },
  });
}

/** The AUC of the best trial on the rows that were not learnt from, as it was trained last. */
function aucOf(name: string, { best }: SweepOutcome): number {
  const done: { result: { laterAuc: number } } = JSON.parse(
    readFileSync(join(folder, name, 'trials', String(best?.trial), 'done.json'), 'utf8'),
  );
  return done.result.laterAuc;
}

/** Flights of some days in the order of time; late by a quarter of an hour or not. The last three tenths judge. */
async function flightsJob(): Promise<string> {
  const database = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await database.connect();
  const set = join(folder, 'set.parquet');
  await connection.run(`COPY (
    SELECT hour(date) AS hour, isodow(date) AS weekday, distance::DOUBLE AS distance, hash(origin) % 64 AS origin,
      hash(destination) % 64 AS destination, (delay > 15)::INT AS _label
    FROM '${FLIGHTS}' WHERE delay IS NOT NULL AND hash(date, origin, destination, distance) % 64 = 1
    ORDER BY date, origin, destination LIMIT ${ROWS}) TO '${set}' (FORMAT PARQUET)`);
  connection.closeSync();
  database.closeSync();
  const options = {
    kind: 'boostedTrees',
    categorical: ['origin', 'destination'],
    // More rounds than trees: the last rows judge, and no trial stops by itself.
    earlyStopping: { rounds: 1_000, share: 0.3 },
  };
  const features = ['hour', 'weekday', 'distance', 'origin', 'destination'];
  const job = { format: 1, model: 'late', task: 'binary', trainingSet: set, features, options };
  writeFileSync(join(folder, 'job.json'), JSON.stringify(job));
  return join(folder, 'job.json');
}
