import { rows } from './row.ts';

/** What can be wrong with Flink. */
export const flinkErrors = rows({
  FLINK_UNREACHABLE: {
    message: 'the SQL gateway at {url} does not answer: {reason}',
    mend: 'start the SQL gateway, or correct its address',
    retry: 'safe',
    status: 503,
    exit: 4,
  },
  FLINK_SQL: {
    message: 'a statement is refused by Flink: {reason}',
    mend: 'see the statement in the cause; a missing connector is a jar to put into its lib folder',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  FLINK_CHANGES: {
    message: 'view {view} is over a source of changes, whose tiles Flink does not make',
    mend: 'use the embedded engine for this project',
    retry: 'never',
    status: 500,
    exit: 2,
  },
  FLINK_CONFLICT: {
    message: '{tiles} tiles hold other events than as many that Flink has written since, first one of view {view}',
    mend: 'compute that view anew from the history by headrace backfill',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  FLINK_RECORD: {
    message: 'a record of the tile topic {topic} cannot be read: {reason}',
    mend: 'let only the job of this version write the topic; deploy it anew where the declaration has changed',
    retry: 'never',
    status: 500,
    exit: 4,
  },
});
