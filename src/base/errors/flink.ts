import { later, never, safe } from './row.ts';

/** Errors of Flink. */
export const flinkErrors = {
  FLINK_UNREACHABLE: safe(503, 4)
    .message('the Flink at {url} does not answer: {reason}')
    .hint('start the job manager and the SQL gateway, or correct engine.cluster and engine.gateway'),
  FLINK_REFUSED: never(500, 4)
    .message('the Flink at {url} rejects a request: {reason}')
    .hint('see the log of the job manager; headrace tiles status lists its jobs'),
  FLINK_VERSION: never(500, 2)
    .message('the cluster at {url} runs Flink {found}; Flink 2.3 or a later 2.x is required')
    .hint('run the job on such a cluster'),
  FLINK_CONNECTOR: never(500, 4)
    .message('the cluster has no connector {connector}')
    .hint(
      'put flink-sql-connector-kafka and flink-json into the lib folders of gateway, job manager and task managers, and restart them',
    ),
  FLINK_SQL: never(500, 4)
    .message('the statement of {table}, line {line} ({text}), is rejected by Flink: {reason}')
    .hint('see the whole statement in the cause; this version of Flink cannot run a part of the declaration'),
  FLINK_SAVEPOINT: later(500, 4)
    .message('job {job} could not be stopped with a savepoint: {reason}')
    .hint(
      'free space for savepoints, or set execution.checkpointing.savepoint-dir on the cluster; the job keeps running',
    ),
  FLINK_JOBS_FILE: never(500, 4)
    .message('the list of deployed jobs, {path}, cannot be used: {reason}')
    .hint('run the version of Headrace that wrote it; or cancel the jobs, move the file away, and deploy with --fresh'),
};
