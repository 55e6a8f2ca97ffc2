import { rows } from './row.ts';

/** What can be wrong between the event log, the stores and the readers of features. */
export const featurestoreErrors = rows({
  STORE_CAPABILITY: {
    message: 'the online store lacks {capability}, which the embedded engine needs',
    mend: 'use the embedded or memory online store with the embedded engine',
    retry: 'never',
    status: 500,
    exit: 2,
  },
  DISK_DAY: {
    message: 'the disk budget of the day, {bytesPerDay} bytes, is used up; events are taken again from {until}',
    mend: 'send them again then, or raise disk.bytesPerDay; headrace status tells what takes the space',
    retry: 'later',
    status: 507,
    exit: 4,
  },
  DISK_FULL: {
    message: 'the environment has {kept} bytes on the disk and may have {bytes}; nothing more can be trimmed',
    mend: 'raise disk.bytes, or remove training runs and old model files; headrace status tells what takes the space',
    retry: 'later',
    status: 507,
    exit: 4,
  },
  DISK_LEDGER: {
    message: 'what the days have added to the disk cannot be read from {path}: {reason}',
    mend: 'nothing: it is counted anew from now on',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  STORE_AHEAD: {
    message: 'the online store stands at offset {position} of {source}, and the log ends at {end}',
    mend: 'the log lost its end, as with the power under durability "process": move the online store away and start again',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  STORE_ENGINE: {
    message:
      'the tiles of this environment are made by another engine, and the log alone does not say which events they lack',
    mend: 'configure that engine, or begin anew in another directory and namespace',
    retry: 'never',
    status: 500,
    exit: 2,
  },
  SERVICE_UNKNOWN: {
    message: 'the project has no feature service {service}; it has {known}',
    mend: 'name one of them',
    retry: 'never',
    status: 404,
    exit: 2,
  },
  READER_VIEW: {
    message: 'the online store has no whole tiles of view {view}',
    mend: 'start the process that writes with this declaration first, and let it catch up',
    retry: 'later',
    status: 503,
    exit: 4,
  },
  VIEW_UNKNOWN: {
    message: 'the project has no view {view}; it has {known}',
    mend: 'name one of them',
    retry: 'never',
    status: 404,
    exit: 2,
  },
  BACKFILL_CHANGES: {
    message: 'view {view} is over a source of changes, whose tiles are never closed',
    mend: 'leave its tiles to the stream; to compute them anew give the view a new version',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  BACKFILL_SPAN: {
    message: 'batch view {view} is run as of now, not for a span',
    mend: 'leave --from and --to out',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  BACKFILL_DIFFERS: {
    message: 'of {keys} keys of view {view}, {differing} answer from tiles otherwise than from the events: {example}',
    mend: 'report it with the view’s declaration; the version before it still stands',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  BACKFILL_COUNTS: {
    message: 'the tiles of view {view} at hop {hopMs} were computed of {found} events, and the history has {events}',
    mend: 'run it again; if it differs again, report it with the view’s declaration; the tiles before it still stand',
    retry: 'safe',
    status: 500,
    exit: 4,
  },
  SKEW_BUDGET: {
    message:
      'of {compared} values that service {service} served, the share {share} differs from the history; declared is at most {atMost}',
    mend: 'see the classes of headrace audit skew: staleness is for the writer to mend, lateness for the producers',
    retry: 'never',
    status: 500,
    exit: 3,
  },
  SKEW_LOGIC: {
    message: 'of {vectors} logged vectors of service {service}, {logic} values differ from the history by logic',
    mend: 'look at the examples of --json: the same events gave another value while serving',
    retry: 'never',
    status: 500,
    exit: 3,
  },
});
