import { rows } from './row.ts';

/** Errors of tile jobs on Flink and Spark. */
export const tilesErrors = rows({
  TILES_ENGINE: {
    message: 'this environment computes its tiles in the serving process, not in Flink or Spark',
    hint: 'set engine: { kind: "flink", … } or { kind: "spark", … } in the configuration, or name another environment with --env',
    retry: 'never',
    status: 500,
    exit: 2,
  },
  TILES_NONE: {
    message: 'project {project} has no stream view, so there are no tiles to compute',
    hint: 'declare a stream view, or leave engine out of the environment',
    retry: 'never',
    status: 500,
    exit: 2,
  },
  TILES_ABSENT: {
    message: 'no job of this declaration is running {where}',
    hint: 'deploy it with headrace tiles deploy',
    retry: 'never',
    status: 404,
    exit: 2,
  },
  TILES_LOCKED: {
    message: 'another process controls the tile jobs of {directory}',
    hint: 'wait for it, or stop the process that runs headrace tiles deploy --watch',
    retry: 'later',
    status: 503,
    exit: 4,
  },
  TILES_FAILED: {
    message: 'job {job} ended as {state}: {reason}',
    hint: 'fix the reason and deploy again: the job resumes from its newest checkpoint',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  TILES_STATE_OLD: {
    message:
      'the newest checkpoint of the job, {path}, is {hours} hours old; after 24 hours parts of it may be deleted',
    hint: 'deploy with --fresh: the job reads the log from its start and computes the same tiles',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  TILES_LOG_TRIMMED: {
    message: 'a fresh job needs the events of the last {neededMs} ms, and the log of {source} starts {hasMs} ms ago',
    hint: 'set log.age and log.bytes to more than the largest hop plus lateness and skew; deploy again when the log reaches back that far',
    retry: 'later',
    status: 500,
    exit: 4,
  },
  TILES_CHANGES_TRIMMED: {
    message: 'a fresh job needs every change of {source}, and its log starts at offset {begin}',
    hint: 'deploy without --fresh, from the last checkpoint; or declare a new version of the source, with log.age and log.bytes that keep its whole log',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  TILES_CLOSED: {
    message: 'the store is not open for processes that write the tiles of {engine} in {partitions} partitions',
    hint: 'start headrace serve with the same declaration and environment, and online.writers: "many"; this process then continues by itself',
    retry: 'later',
    status: 503,
    exit: 4,
  },
  TILES_WRITERS: {
    message: 'the serving process writes the tiles of this environment',
    hint: 'set online: { kind: "redis", …, writers: "many" } together with a Flink or Spark engine, or name another environment with --env',
    retry: 'never',
    status: 500,
    exit: 2,
  },
  TILES_CONFLICT: {
    message:
      '{tiles} tiles cover other events than newer tiles of the job with the same event counts; the first is of view {view}',
    hint: 'recompute that view from the history with headrace backfill',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  TILES_DIFFERS: {
    message:
      '{differing} of {tiles} tiles differ from the events; the first is of view {view}, key {key}, {tile}: {reason}',
    hint: 'keep the previous job, and stop this one with headrace tiles stop if it still runs. Check that only the job writes its topics; if so, report it with the declaration',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  TILES_RECORD: {
    message: 'a record of the tile topic {topic} cannot be read: {reason}',
    hint: 'let only a job of this version write the topic; if the declaration changed, deploy the job again',
    retry: 'never',
    status: 500,
    exit: 4,
  },
});
