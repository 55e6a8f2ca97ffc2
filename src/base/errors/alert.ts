import { rows } from './row.ts';

/** Errors of incidents and their delivery. */
export const alertErrors = rows({
  ALERT_FILE: {
    message: 'the incidents {path} cannot be used: {reason}',
    hint: 'restore the file from a backup, or make it readable and writable',
    retry: 'never',
    status: 503,
    exit: 4,
  },
  ALERT_FORMAT: {
    message: 'the incidents {path} have format {format}; this version knows {known}',
    hint: 'run the version of headrace that wrote it, or a newer one',
    retry: 'never',
    status: 503,
    exit: 4,
  },
  ALERT_BUSY: {
    message: 'another process holds the incidents {path}',
    hint: 'retry; if it persists, stop the process that holds a write transaction open',
    retry: 'later',
    status: 503,
    exit: 5,
  },
  ALERT_WRITE: {
    message: 'the incidents {path} cannot be written: {reason}',
    hint: 'free disk space, or make the file and its directory writable; nothing of the change was stored',
    retry: 'later',
    status: 503,
    exit: 4,
  },
  ALERT_CLIENT: {
    message: 'mail needs the package nodemailer',
    hint: 'run "npm install nodemailer"',
    retry: 'never',
    status: 503,
    exit: 4,
  },
  ALERT_UNROUTED: {
    message: 'an incident of model {model} with severity {severity} goes nowhere',
    hint: 'declare a sink and a route for it under "alerts" of the environment',
    retry: 'never',
    status: 409,
    exit: 2,
  },
  ALERT_TEST: {
    message: 'the test of the alert path failed: {reason}',
    hint: 'repair the sink, then run "headrace alerts test" again',
    retry: 'safe',
    status: 502,
    exit: 4,
  },
  ALERT_INCIDENT: {
    message: 'no open incident has the number {no}',
    hint: 'read the numbers with "headrace alerts list"',
    retry: 'never',
    status: 404,
    exit: 2,
  },
  ALERT_SINK: {
    message: 'no sink is named {sink}; declared are {known}',
    hint: 'name a sink under "alerts.sinks" of the environment',
    retry: 'never',
    status: 404,
    exit: 2,
  },
  ALERT_SILENCE: {
    message: 'the silence is not valid: {reason}',
    hint: 'name what is silenced, for how long and why',
    retry: 'never',
    status: 400,
    exit: 2,
  },
});
