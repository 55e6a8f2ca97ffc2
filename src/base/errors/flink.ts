import { rows } from './row.ts';

/** What can be wrong with Flink. */
export const flinkErrors = rows({
  FLINK_UNREACHABLE: {
    message: 'the Flink at {url} does not answer: {reason}',
    mend: 'start the job manager and the SQL gateway, or correct engine.cluster and engine.gateway',
    retry: 'safe',
    status: 503,
    exit: 4,
  },
  FLINK_REFUSED: {
    message: 'the Flink at {url} refuses what it is asked: {reason}',
    mend: 'see the log of the job manager; headrace tiles status tells which jobs it has',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  FLINK_VERSION: {
    message: 'the cluster at {url} is Flink {found}; jobs are written for 2.3 and later versions of 2',
    mend: 'run the job on such a cluster',
    retry: 'never',
    status: 500,
    exit: 2,
  },
  FLINK_CONNECTOR: {
    message: 'the cluster has no connector {connector}',
    mend: 'put its jar (flink-sql-connector-kafka, flink-json) into the lib folder of gateway, job manager and task managers, and start them again',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  FLINK_SQL: {
    message: 'the statement of {table}, line {line} ({text}), is refused by Flink: {reason}',
    mend: 'see the whole statement in the cause; what the declaration asks for there is not to be had on this version of Flink',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  FLINK_SAVEPOINT: {
    message: 'job {job} could not be stopped with a savepoint: {reason}',
    mend: 'free space where savepoints are written, or set execution.checkpointing.savepoint-dir on the cluster; the job goes on',
    retry: 'later',
    status: 500,
    exit: 4,
  },
  FLINK_JOBS_FILE: {
    message: 'the file of deployed jobs {path} cannot be used: {reason}',
    mend: 'run the version of headrace that wrote it; or move it away, and deploy with --fresh when the jobs are cancelled',
    retry: 'never',
    status: 500,
    exit: 4,
  },
});
