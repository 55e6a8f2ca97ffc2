import { later, never } from './row.ts';

/** Errors of tile jobs on Flink and Spark. */
export const tilesErrors = {
  TILES_ENGINE: never(500, 2)
    .message('this environment computes its tiles in the serving process, not in Flink or Spark')
    .hint(
      'set engine: { kind: "flink", … } or { kind: "spark", … } in the configuration, or name another environment with --env',
    ),
  TILES_NONE: never(500, 2)
    .message('project {project} has no stream view, so there are no tiles to compute')
    .hint('declare a stream view, or leave engine out of the environment'),
  TILES_ABSENT: never(404, 2)
    .message('no job of this declaration is running {where}')
    .hint('deploy it with headrace tiles deploy'),
  TILES_LOCKED: later(503, 4)
    .message('another process controls the tile jobs of {directory}')
    .hint('wait for it, or stop the process that runs headrace tiles deploy --watch'),
  TILES_FAILED: never(500, 4)
    .message('job {job} ended as {state}: {reason}')
    .hint('fix the reason and deploy again: the job resumes from its newest checkpoint'),
  TILES_STATE_OLD: never(500, 4)
    .message(
      'the newest checkpoint of the job, {path}, is {hours} hours old; after 24 hours parts of it may be deleted',
    )
    .hint('deploy with --fresh: the job reads the log from its start and computes the same tiles'),
  TILES_LOG_TRIMMED: later(500, 4)
    .message('a fresh job needs the events of the last {neededMs} ms, and the log of {source} starts {hasMs} ms ago')
    .hint(
      'set log.age and log.bytes to more than the largest hop plus lateness and skew; deploy again when the log reaches back that far',
    ),
  TILES_CHANGES_TRIMMED: never(500, 4)
    .message('a fresh job needs every change of {source}, and its log starts at offset {begin}')
    .hint(
      'deploy without --fresh, from the last checkpoint; or declare a new version of the source, with log.age and log.bytes that keep its whole log',
    ),
  TILES_CLOSED: later(503, 4)
    .message('the store is not open for processes that write the tiles of {engine} in {partitions} partitions')
    .hint(
      'start headrace serve with the same declaration and environment, and online.writers: "many"; this process then continues by itself',
    ),
  TILES_WRITERS: never(500, 2)
    .message('the serving process writes the tiles of this environment')
    .hint(
      'set online: { kind: "redis", …, writers: "many" } together with a log on Kafka, or name another environment with --env',
    ),
  TILES_CLUSTER: never(500, 2)
    .message('many processes make the tiles of this environment, and its Redis is a cluster')
    .hint(
      'use one Redis or Valkey with its replicas, or set engine: a cluster takes the tiles of Flink or Spark from many writers',
    ),
  TILES_BEHIND: later(503, 4)
    .message('{events} events of {source} are not in the tiles yet')
    .hint('start more headrace tiles write, or wait for those that run; then run it again'),
  TILES_CONFLICT: never(500, 4)
    .message(
      '{tiles} tiles cover other events than newer tiles of the job with the same event counts; the first is of view {view}',
    )
    .hint('recompute that view from the history with headrace backfill'),
  TILES_DIFFERS: never(500, 4)
    .message(
      '{differing} of {tiles} tiles differ from the events; the first is of view {view}, key {key}, {tile}: {reason}',
    )
    .hint(
      'keep the previous job, and stop this one with headrace tiles stop if it still runs. Check that only the job writes its topics; if so, report it with the declaration',
    ),
  TILES_RECORD: never(500, 4)
    .message('a record of the tile topic {topic} cannot be read: {reason}')
    .hint('let only a job of this version write the topic; if the declaration changed, deploy the job again'),
};
