import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isHeadraceError } from '../base/errors/fail.ts';
import { sha256Hex } from '../base/hash/sha256.ts';
import type { Clock } from '../base/time.ts';
import type { ModelData } from '../features/define/declaration.ts';
import type { ExplainedMove } from '../features/define/rollout.ts';
import { replaceFile } from '../files/replace-file.ts';
import type { Judge, JudgeStores } from '../findings/judge.ts';
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
import type { Look, PlaybookActions } from './actions.ts';
import { auditPath } from './audit-samples.ts';
import { compareOn } from './compare-versions.ts';
import { confirmedBreach } from './confirm-breach.ts';
import { gate } from './gate.ts';
import { type LabelledVersions, labelledRows, lossNameOf, withLoaded } from './labelled-versions.ts';
import { liveBreach } from './live-breach.ts';
import { intervalOf, pairedLosses } from './paired-losses.ts';
import { isRead, type RemedyTrial, tryOn } from './remedy-trial.ts';
import { seenMonitors } from './seen-monitors.ts';
import { seenRollout } from './seen-rollout.ts';

export interface PlaybookWorldOptions extends JudgeStores, LabelledVersions {
  /** Judges the findings that it answers. */
  readonly judge: Judge;
  readonly rollouts: RolloutStore;
  readonly train: (order: OrderedTraining) => Promise<ModelVersion>;
  /** Starts the rollout of a version under an id, and ends one. */
  readonly startRollout: (
    id: string,
    version: number,
    decision: Decision & { readonly explained?: ExplainedMove },
  ) => Promise<void>;
  readonly rollBack: (decision: Decision) => Promise<void>;
  readonly incidents: IncidentPort;
  readonly clock: Clock;
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
    gate: (id, action, thresholds) => gate(options, id, action, gateLimits(thresholds)),
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

/** The limits that a decision of the journal names. */
function gateLimits(thresholds: Readonly<Record<string, unknown>>): Parameters<typeof gate>[3] {
  const limit = (name: string) => Number(thresholds[name]);
  return { tolerance: limit('tolerance'), alpha: limit('alpha'), rows: limit('rows') };
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
