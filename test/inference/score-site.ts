import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { resolveEnvironment } from '../../src/environment/config.ts';
import {
  count,
  defineProject,
  entity,
  featureService,
  lookup,
  mean,
  type ScoreSinkOptions,
  scoreSource,
  streamInference,
  streamView,
  text,
} from '../../src/features/define/declare.ts';
import { rawTable } from '../../src/features/plan/raw-table.ts';
import { openMonitor } from '../drift/open-monitor.ts';
import { asked, came, small } from '../models/small-project.ts';

/** A project whose stream `scored` has its scores in a view, and in sinks. */
export function scoreProject(sinks: Readonly<Record<string, ScoreSinkOptions>> = {}) {
  const scored = streamInference('scored', { model: small, from: asked, to: 'scores', sinks });
  const scores = scoreSource('asked_scores', { of: scored });
  const ofName = streamView('scores_of_name', {
    source: scores,
    entity: entity('scored_name', { name: text() }),
    key: { name: 'name' },
    windows: ['1h', '1d'],
    freshness: '1s',
    features: (e) => ({ scored: count(), score: mean(e.score), version: mean(e.model_version) }),
  });
  const scoreService = featureService('of_scores', {
    request: { name: text() },
    join: (r) => ({ by: lookup(ofName, { name: r.name }) }),
  });
  const project = defineProject('p', { asked, came, small, scored, scores, ofName, scoreService });
  return { project, scored, scores, ofName, scoreService };
}

/** An output as files and messages have it. */
export interface SentOutput {
  readonly id: string;
  readonly at: number;
  readonly scoredAt: number;
  readonly partition: number;
  readonly offset: number;
  readonly score: number | null;
  readonly first?: number;
  readonly version: number;
}

/** The outputs in a folder of the sink of files. */
export function outputsIn(folder: string): readonly SentOutput[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) =>
    readFileSync(join(folder, name), 'utf8')
      .trim()
      .split('\n')
      .map((line): SentOutput => JSON.parse(line)),
  );
}

/** An accepted delivery of the source of scores. */
export interface HeldScore {
  readonly id: string;
  readonly at: number;
  readonly score: number;
  readonly version: number;
}

/** The accepted scores that the history of a closed environment has. */
export async function acceptedScores(directory: string, { project, scores }: ReturnType<typeof scoreProject>) {
  const stores = await openMonitor(project, resolveEnvironment('local', { directory }, project.name));
  const history = await stores.history();
  const sql = `SELECT "id", "at", "score", "model_version" FROM ${history.relation(rawTable(scores))} AS r WHERE _verdict = 'accepted'`;
  const found: HeldScore[] = [];
  for await (const rows of history.query(sql))
    for (const [id, at, score, version] of rows)
      found.push({ id: String(id), at: Number(at), score: Number(score) / 1e6, version: Number(version) });
  await history.close();
  await stores.close();
  return found;
}

/** Scores in a form in which two ways to them can be compared. */
export function sortedScores(scores: readonly HeldScore[]): readonly string[] {
  return scores.map(({ id, at, score, version }) => `${id} ${at} ${score} ${version}`).sort();
}

/** What the source of scores has where every scored event is there once. */
export function scoresOf(outputs: readonly SentOutput[]): readonly HeldScore[] {
  return outputs.flatMap(({ id, at, score, version }) =>
    score === null ? [] : [{ id, at, score: Number(score.toFixed(6)), version }],
  );
}
