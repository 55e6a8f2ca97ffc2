import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isHeadraceError } from '../base/errors/fail.ts';
import { sha256Hex } from '../base/hash/sha256.ts';
import type { Clock } from '../base/time.ts';
import type { ModelData } from '../features/define/declaration.ts';
import type { ExplainedMove } from '../features/define/rollout.ts';
import { lossesOf } from '../features/define/rollout-loss.ts';
import { replaceFile } from '../files/replace-file.ts';
import type { Judge, JudgeStores } from '../findings/judge.ts';
import { modelInputs } from '../model/model-inputs.ts';
import { auditRows, auditText } from '../monitoring/estimate/audit-file.ts';
import { drawAudit } from '../monitoring/estimate/audit-sample.ts';
import type { IncidentPort } from '../ports/incident.ts';
import type { ModelVersion } from '../ports/model-registry.ts';
import type { OfflineStore } from '../ports/offline-store.ts';
import type { SeenMonitor, SeenRollout, Span } from '../ports/playbook-store.ts';
import type { Rollout, RolloutStore } from '../ports/rollout-store.ts';
import { CHAMPION } from '../registry/champion.ts';
import { LINEAGE_TAGS } from '../registry/lineage.ts';
import { predictionTable } from '../serving/online/prediction-table.ts';
import type { Decision } from '../serving/rollout/rollout-control.ts';
import { lossOf } from '../serving/rollout/success.ts';
import { adoptLogged, loggedWith } from '../training/train-logged.ts';
import type { OrderedTraining } from '../training/training-runs.ts';
import type { PatientScorer, RegisteredVersions } from '../versions/cache/registered-versions.ts';
import type { GateResult, Look, PlaybookActions } from './actions.ts';
import { auditPath } from './audit-samples.ts';
import { compareOn, gateResult, type LabelledRows } from './compare-versions.ts';
import { confirmedBreach } from './confirm-breach.ts';
import { liveBreach } from './live-breach.ts';
import { intervalOf, pairedLosses } from './paired-losses.ts';
import { isRead, type RemedyTrial, tryOn } from './remedy-trial.ts';
import { seenMonitors } from './seen-monitors.ts';
import { seenRollout } from './seen-rollout.ts';

/** A set of labelled rows to write. */
export interface LabelledSet {
  readonly between: Span;
  readonly exclude: readonly Span[];
  readonly path: string;
}

/** Reads columns of a Parquet file, in single and in double precision. */
export type ReadNumbers = (
  path: string,
  columns: { readonly singles: readonly string[]; readonly doubles: readonly string[] },
) => Promise<{ readonly doubles: readonly Float64Array[] }>;

export interface PlaybookWorldOptions extends JudgeStores {
  readonly model: ModelData;
  /** Judges the findings that it answers. */
  readonly judge: Judge;
  readonly rollouts: RolloutStore;
  /** The loaded versions of the process. */
  readonly registered: RegisteredVersions;
  readonly train: (order: OrderedTraining) => Promise<ModelVersion>;
  /** Reads columns of a file of rows. */
  readonly readNumbers: ReadNumbers;
  /** Writes rows with features as they were known, and labels; returns how many. */
  readonly writeSet: (set: LabelledSet) => Promise<number>;
  /** Starts the rollout of a version under an id, and ends one. */
  readonly startRollout: (
    id: string,
    version: number,
    decision: Decision & { readonly explained?: ExplainedMove },
  ) => Promise<void>;
  readonly rollBack: (decision: Decision) => Promise<void>;
  /** Folder for files of audits and scratch. */
  readonly folder: string;
  readonly incidents: IncidentPort;
  readonly clock: Clock;
  /** The loss that judges rollouts; null: the first one of the task. */
  readonly metric: ReturnType<typeof lossesOf>[number] | null;
  /** Whether paired losses are read now. */
  readonly isPairing: (rollout: string) => Promise<boolean>;
}

/** Does what playbooks decide, over the stores of an environment: in the process of a project or in that of the monitor. */
export function playbookWorld(options: PlaybookWorldOptions): PlaybookActions {
  const { model, incidents } = options;
  return {
    incidents,
    observe: (look) => observe(options, look),
    retrain: async (decision, { between, exclude, rows }) => {
      const known = await orderedBy(options, decision);
      const { from, to } = between;
      const span = from === null ? { to } : { from, to };
      const order = { ...span, exclude, mode: 'as-known', decision, leastRows: rows } as const;
      const { version, lineage } = known ?? (await options.train(order));
      return { version, rows: lineage.trainingSet.rows, digest: lineage.trainingSet.digest };
    },
    gate: (id, action, thresholds) => gate(options, id, action, thresholds),
    rollOut: async (id, { version, explained }, reason) => {
      const known = (await options.rollouts.list(model.name)).some((one) => one.id === id);
      if (!known) await options.startRollout(id, version, { by: 'playbook', reason, ...(explained && { explained }) });
    },
    rollBack: async ({ rollout }, reason) => {
      const newest = await options.rollouts.newest(model.name);
      if (newest?.id !== rollout || newest.endedAt !== null) return;
      try {
        await options.rollBack({ by: 'playbook', reason });
      } catch (error) {
        // It ended meanwhile.
        if (!isHeadraceError(error, 'ROLLOUT_NONE')) throw error;
      }
    },
    tryRemedy: (id, action) => tryRemedy(options, id, action),
    audit: (id, { span, size, seed }) => audit(options, id, span, size, seed),
  };
}

/** The version that a decision ordered, whoever registered it; null: there is none yet. */
async function orderedBy(
  { model, registry, artifacts, clock }: PlaybookWorldOptions,
  decision: string,
): Promise<ModelVersion | null> {
  const trained = (await registry.versions(model.name)).find(({ lineage }) => lineage.decision === decision);
  if (trained !== undefined) return trained;
  const logged = await loggedWith(registry, model.name, { key: LINEAGE_TAGS.decision, value: decision });
  return logged === null ? null : adoptLogged({ model, registry, artifacts, clock }, logged);
}

/** The findings of a model's monitors as of an instant, for one of its versions. */
export async function judgedMonitors(
  { model, judge, ...stores }: Pick<PlaybookWorldOptions, 'model' | 'judge' | keyof JudgeStores>,
  version: number,
  at: number,
): Promise<readonly SeenMonitor[]> {
  return seenMonitors(await judge.version(stores, model, version, at));
}

async function observe(options: PlaybookWorldOptions, { now, at }: Look) {
  const { model, registry, rollouts, withHistory } = options;
  const champion = await registry.alias(model.name, CHAMPION);
  if (champion === null) return { champion, monitors: [], rollout: null };
  const monitors = await judgedMonitors(options, champion, at);
  const newest = await rollouts.newest(model.name);
  const seen = newest === null ? null : await withHistory((history) => withLosses(options, newest, history, now));
  const rollout = seen === null || newest === null ? null : await withConfirmed(options, newest, seen, now);
  return { champion, monitors, rollout };
}

/** Compares a promoted version with the previous one on the rows of its soak, else on those of its shadow. */
async function withConfirmed(
  options: PlaybookWorldOptions,
  { id, plan }: Rollout,
  seen: SeenRollout,
  now: number,
): Promise<SeenRollout> {
  const { model, withHistory } = options;
  const { champion, candidate, since } = seen;
  const ofSoak = () =>
    withLoaded(options, `soak-${id}`, [champion, candidate], async ([before, own], folder) => {
      const set = { between: { from: since, to: now }, exclude: [], path: join(folder, 'soak.parquet') };
      const rows = await labelledRows(options, set, [before, own]);
      const { difference } = await compareOn(rows, before, own, lossNameOf(options), model.quantile);
      return intervalOf(difference);
    });
  const ofShadow = () => withHistory((history) => pairedLosses(model, history, { id, plan }, now));
  return { ...seen, breach: await confirmedBreach(seen, [ofSoak, ofShadow]) };
}

function lossNameOf({ model, metric }: PlaybookWorldOptions): ReturnType<typeof lossesOf>[number] {
  return metric ?? lossesOf(model)[0];
}

async function withLosses(
  { model, rollouts, isPairing }: PlaybookWorldOptions,
  rollout: Rollout,
  history: OfflineStore,
  now: number,
): Promise<SeenRollout> {
  const { id, state, held } = rollout;
  const isShadow = state === 'shadow' || (state === 'held' && held?.from === 'shadow');
  const hasTable = history.tables().some(({ table }) => table.name === predictionTable(model).name);
  return {
    ...seenRollout(rollout, await rollouts.events(id)),
    breach: hasTable ? await liveBreach(model, history, rollout, now) : null,
    paired: hasTable && isShadow && (await isPairing(id)) ? await pairedLosses(model, history, rollout, now) : null,
  };
}

async function gate(
  options: PlaybookWorldOptions,
  id: string,
  { version, champion, recent, old, oldDecides, exclude }: Parameters<PlaybookActions['gate']>[1],
  thresholds: Readonly<Record<string, unknown>>,
): Promise<GateResult> {
  const { model } = options;
  const loss = lossNameOf(options);
  return withLoaded(options, id, [champion, version], async (loaded, folder) => {
    const [theirs, ours] = loaded;
    const compared = async (name: string, between: Span) =>
      compareOn(
        await labelledRows(options, { between, exclude, path: join(folder, `${name}.parquet`) }, loaded),
        theirs,
        ours,
        loss,
        model.quantile,
      );
    const newest = await compared('recent', recent);
    const before = old === null ? null : await compared('old', old);
    const limit = (name: string) => Number(thresholds[name]);
    const limits = { tolerance: limit('tolerance'), alpha: limit('alpha'), rows: limit('rows'), oldDecides };
    return gateResult(newest, before, limits);
  });
}

/** Loads versions and makes a scratch folder, for the time of the work. */
async function withLoaded<T>(
  options: PlaybookWorldOptions,
  id: string,
  versions: readonly number[],
  work: (loaded: readonly PatientScorer[], folder: string) => Promise<T>,
): Promise<T> {
  const { model, registered } = options;
  const folder = join(options.folder, `${id}-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  const loaded: PatientScorer[] = [];
  try {
    for (const one of versions)
      loaded.push(await registered.holdPatiently(await registered.prepared(model.name, one), 'playbook'));
    return await work(loaded, folder);
  } finally {
    for (const scorer of loaded) await scorer.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Both slices of a remedy: labelled rows of its fault, and sound ones before it where the fault can be simulated. */
async function tryRemedy(
  options: PlaybookWorldOptions,
  id: string,
  action: Parameters<PlaybookActions['tryRemedy']>[1],
): Promise<RemedyTrial> {
  const { version, between, sound, exclude, ...remedy } = action;
  const loss = lossOf(lossNameOf(options), options.model.quantile);
  return withLoaded(options, id, [version], async (loaded, folder) => {
    if (!isRead(loaded[0], remedy.features))
      return { verdict: 'none', basis: 'labels', rows: 0, reason: `version ${version} does not read it` };
    const read = (rows: 'fault' | 'sound') =>
      labelledRows(
        options,
        { between: rows === 'fault' ? between : sound, exclude, path: join(folder, `${rows}.parquet`) },
        loaded,
      );
    const [ageMs, seenMs] = [action.ageMs ?? between.to - between.from, action.seenMs ?? between.to - between.from];
    return tryOn(read, loaded[0], { ...remedy, ageMs, seenMs }, loss);
  });
}

async function labelledRows(
  { model, writeSet, readNumbers }: PlaybookWorldOptions,
  set: LabelledSet,
  loaded: readonly PatientScorer[],
): Promise<LabelledRows> {
  const known = new Set(modelInputs(model.service).map(({ name }) => name));
  const names = [...new Set(loaded.flatMap(({ version }) => version.signature.features))].filter((name) =>
    known.has(name),
  );
  const rows = await writeSet(set);
  if (rows === 0) return { columns: new Map(), labels: new Float64Array(0) };
  const {
    doubles: [labels, ...columns],
  } = await readNumbers(set.path, { singles: [], doubles: ['_label', ...names] });
  return { columns: new Map(names.map((name, i) => [name, columns[i]])), labels };
}

/** Ids of predictions of a span, drawn by their hashes, one a line. */
async function audit(
  { model, folder, withHistory }: PlaybookWorldOptions,
  id: string,
  { from, to }: Span,
  size: number,
  seed: number,
) {
  const path = auditPath(folder, id);
  if (!existsSync(path)) {
    const ids = await withHistory((history) => predictedIds(history, model, from, to));
    const drawn = drawAudit(ids, size, seed);
    mkdirSync(folder, { recursive: true });
    replaceFile(path, auditText(drawn));
  }
  const text = readFileSync(path, 'utf8');
  return { rows: auditRows(text), path, digest: sha256Hex(text) };
}

async function predictedIds(
  history: OfflineStore,
  model: ModelData,
  from: number,
  to: number,
): Promise<readonly string[]> {
  const sql = `SELECT DISTINCT "id" FROM ${history.relation(predictionTable(model))} WHERE "at" >= CAST(${from} AS BIGINT) AND "at" < CAST(${to} AS BIGINT)`;
  const ids: string[] = [];
  for await (const rows of history.query(sql)) for (const [found] of rows) ids.push(String(found));
  return ids;
}
