import { rows } from './row.ts';

/** What can be wrong with the job of another engine that makes the tiles. */
export const tilesErrors = rows({
  TILES_ENGINE: {
    message: 'the tiles of this environment are made by the process itself, not by Flink or Spark',
    mend: 'set engine: { kind: "flink", … } or { kind: "spark", … } in the configuration, or name another environment by --env',
    retry: 'never',
    status: 500,
    exit: 2,
  },
  TILES_NONE: {
    message: 'project {project} has no stream view, so that there are no tiles to make',
    mend: 'declare a stream view, or leave engine out of the environment',
    retry: 'never',
    status: 500,
    exit: 2,
  },
  TILES_ABSENT: {
    message: 'no job of this declaration runs {where}',
    mend: 'deploy it first: headrace tiles deploy',
    retry: 'never',
    status: 404,
    exit: 2,
  },
  TILES_LOCKED: {
    message: 'another process controls the jobs that make the tiles of {directory}',
    mend: 'wait for it, or stop the one that watches (headrace tiles deploy --watch)',
    retry: 'later',
    status: 503,
    exit: 4,
  },
  TILES_FAILED: {
    message: 'job {job} has ended as {state}: {reason}',
    mend: 'mend what it says and deploy again: the job goes on from its newest checkpoint',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  TILES_STATE_OLD: {
    message: 'the newest state of the job, {path}, is {hours} hours old; after 24 parts of it may be gone',
    mend: 'deploy with --fresh: the job reads the log from its begin and makes the same tiles',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  TILES_LOG_TRIMMED: {
    message:
      'a job that begins anew needs the events of the last {neededMs} ms, and the log of {source} begins {hasMs} ms ago',
    mend: 'raise log.age and log.bytes beyond the largest hop with lateness and skew, and deploy again when the log is as long',
    retry: 'later',
    status: 500,
    exit: 4,
  },
  TILES_CHANGES_TRIMMED: {
    message: 'a job that begins anew needs every change of {source}, and its log begins at offset {begin}',
    mend: 'deploy from where the last job stopped; or make a source of another version with log.age and log.bytes so large that the log stays whole',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  TILES_CLOSED: {
    message: 'the store is not open for processes that write the tiles of {engine} in {partitions} partitions',
    mend: 'start headrace serve of the same declaration and environment, with online.writers: "many"; this process then goes on by itself',
    retry: 'later',
    status: 503,
    exit: 4,
  },
  TILES_WRITERS: {
    message: 'the tiles of this environment are written by the process that serves',
    mend: 'set online: { kind: "redis", …, writers: "many" } beside an engine of Flink or Spark, or name another environment by --env',
    retry: 'never',
    status: 500,
    exit: 2,
  },
  TILES_CONFLICT: {
    message: '{tiles} tiles hold other events than as many that the job has written since, first one of view {view}',
    mend: 'compute that view anew from the history by headrace backfill',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  TILES_DIFFERS: {
    message:
      'of {tiles} tiles that were compared with the events, {differing} differ; the first is that of view {view}, key {key}, {tile}: {reason}',
    mend: 'go on with the job before, and end this one by headrace tiles stop where it ran already, else it is ended; let only the job write its topics, and report it with the declaration if it does',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  TILES_RECORD: {
    message: 'a record of the tile topic {topic} cannot be read: {reason}',
    mend: 'let only the job of this version write the topic; deploy it anew where the declaration has changed',
    retry: 'never',
    status: 500,
    exit: 4,
  },
});
