import { later, never, safe } from './row.ts';

/** Errors of incidents and their delivery. */
export const alertErrors = {
  ALERT_FILE: never(503, 4)
    .message('the incidents {path} cannot be used: {reason}')
    .hint('restore the file from a backup, or make it readable and writable'),
  ALERT_FORMAT: never(503, 4)
    .message('the incidents {path} have format {format}; this version knows {known}')
    .hint('run the version of headrace that wrote it, or a newer one'),
  ALERT_BUSY: later(503, 5)
    .message('another process holds the incidents {path}')
    .hint('retry; if it persists, stop the process that holds a write transaction open'),
  ALERT_WRITE: later(503, 4)
    .message('the incidents {path} cannot be written: {reason}')
    .hint('free disk space, or make the file and its directory writable; nothing of the change was stored'),
  ALERT_CLIENT: never(503, 4).message('mail needs the package nodemailer').hint('run "npm install nodemailer"'),
  ALERT_UNROUTED: never(409, 2)
    .message('an incident of model {model} with severity {severity} goes nowhere')
    .hint('declare a sink and a route for it under "alerts" of the environment'),
  ALERT_TEST: safe(502, 4)
    .message('the test of the alert path failed: {reason}')
    .hint('repair the sink, then run "headrace alerts test" again'),
  ALERT_INCIDENT: never(404, 2)
    .message('no open incident has the number {no}')
    .hint('read the numbers with "headrace alerts list"'),
  ALERT_UNKNOWN: never(404, 2)
    .message('no incident has the number {no}')
    .hint('read the numbers with "headrace alerts list"'),
  ALERT_SINK: never(404, 2)
    .message('no sink is named {sink}; declared are {known}')
    .hint('name a sink under "alerts.sinks" of the environment'),
  ALERT_SILENCE: never(400, 2)
    .message('the silence is not valid: {reason}')
    .hint('name what is silenced, for how long and why'),
};
