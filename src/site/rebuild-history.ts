import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../base/errors/fail.ts';
import type { Environment } from '../environment/config.ts';
import { placeDeclaration } from '../environment/place-declaration.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import { topicOf } from '../featurestore/ingest/gateway.ts';
import { sourceRows } from '../featurestore/ingest/source-rows.ts';
import { type RebuildReport, rebuildHistory } from '../operating/rebuild/rebuild-history.ts';
import { predictionTopic } from '../serving/online/prediction-record.ts';
import { withSite } from './site.ts';

/**
 * Rebuilds damaged files of an environment's history from its event log; no other process may have it open. Errors: OFFLINE_ABSENT,
 * OFFLINE_LOCKED, LOG_LOCKED, those of the log and of the declaration.
 */
export async function rebuildEnvironmentHistory(
  project: ProjectData,
  environment: Environment,
  onFault: (error: unknown) => void,
): Promise<RebuildReport> {
  const { directory, partitions } = environment;
  const path = join(directory, 'offline');
  if (!existsSync(path)) throw fail('OFFLINE_ABSENT', { path });
  return withSite({ project, environment, onFault }, async (site) => {
    const { log, offline } = await site.open('log', 'offline');
    const { schemas } = placeDeclaration(project, directory);
    for (const source of project.sources) await log.openTopic(topicOf(source), partitions);
    const { manyWriters, rows } = log.capabilities;
    for (const model of project.models) await log.openTopic(predictionTopic(model), manyWriters ? partitions : 1);
    return rebuildHistory({ project, log, offline, rowsOf: sourceRows(schemas, rows) });
  });
}
