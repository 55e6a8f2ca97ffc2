import { later, never, safe } from './row.ts';

/** Errors between the event log, the stores and the readers of features. */
export const featurestoreErrors = {
  STORE_CAPABILITY: never(500, 2)
    .message('the online store lacks {capability}, which the embedded engine needs')
    .hint('use the embedded or memory online store with the embedded engine'),
  DISK_DAY: later(507, 4)
    .message('the disk budget of the day, {bytesPerDay} bytes, is used up; events are accepted again from {until}')
    .hint('send the events again then, or raise disk.bytesPerDay; headrace status shows the use of the disk'),
  DISK_FULL: later(507, 4)
    .message('the environment has {kept} bytes on the disk and may have {bytes}; nothing is left to trim')
    .hint('raise disk.bytes, or delete training runs and old model files; headrace status shows the use of the disk'),
  HISTORY_FULL: later(503, 4)
    .message('{rows} rows wait for the history and take {bytes} of {most} bytes; they cannot be published now')
    .hint('send the events again later; headrace status says why the history cannot be written'),
  DISK_ARTIFACTS: later(507, 4)
    .message('an artefact of {bytes} bytes does not fit: files besides events have {kept} bytes, and may have {most}')
    .hint('delete old runs and model versions, or raise disk.bytes; headrace status shows the use of the disk'),
  DISK_LEDGER: never(500, 4)
    .message('the record of bytes written per day cannot be read from {path}: {reason}')
    .hint('nothing to do: counting restarts now'),
  STORE_AHEAD: never(500, 4)
    .message('the online store is at offset {position} of {source}, and the log ends at {end}')
    .hint(
      'move the online store away and start again: the log lost its end, for example in a power failure under durability "process"',
    ),
  STORE_ENGINE: never(500, 2)
    .message('another engine computes the tiles of this environment, and the log does not show which events they lack')
    .hint('configure that engine, or start with a new directory and namespace'),
  SERVICE_UNKNOWN: never(404, 2)
    .message('the project has no feature service {service}; it has {known}')
    .hint('name one of them'),
  READER_VIEW: later(503, 4)
    .message('the online store has no complete tiles of view {view}')
    .hint('start the writing process with this declaration, and let it catch up'),
  VIEW_UNKNOWN: never(404, 2).message('the project has no view {view}; it has {known}').hint('name one of them'),
  ENTITY_UNKNOWN: never(400, 2)
    .message('no view of the project has an entity {entity} of several columns; those that have are {known}')
    .hint('name one of them in online.nested, or leave it out'),
  BACKFILL_CHANGES: never(400, 2)
    .message('view {view} reads a source of changes, whose tiles never close')
    .hint('leave its tiles to the stream; to recompute them, give the view a new version'),
  BACKFILL_SPAN: never(400, 2)
    .message('batch view {view} runs as of now, not for a span')
    .hint('remove --from and --to'),
  BACKFILL_DIFFERS: never(500, 4)
    .message('tiles and events disagree for {differing} of {keys} keys of view {view}: {example}')
    .hint('report it with the view’s declaration; the previous version stays in place'),
  BACKFILL_COUNTS: safe(500, 4)
    .message('the tiles of view {view} at hop {hopMs} cover {found} events, and the history has {events}')
    .hint('run it again; if it fails again, report it with the view’s declaration; the previous tiles stay in place'),
  SKEW_BUDGET: never(500, 3)
    .message(
      'the share {share} of {compared} values that service {service} served differs from the history; at most {atMost} is declared',
    )
    .hint('see the classes of headrace audit skew: fix staleness in the writing process, lateness in the producers'),
  SKEW_LOGIC: never(500, 3)
    .message('{logic} values of {vectors} logged vectors of service {service} differ from the history by logic')
    .hint('see the examples of --json: serving computed another value from the same events'),
};
