import { later, never } from './row.ts';

/** Errors of drift: sketches, profiles, comparisons, monitors and labels. */
export const driftErrors = {
  DRIFT_SKETCH: never(400, 2)
    .message('the bytes are no {kind} sketch: {reason}')
    .hint('write the sketch again with a DataSketches library, serial version 1'),
  DRIFT_PROFILE: never(400, 2)
    .message('the bytes are no profile of this version: {reason}')
    .hint('write the profile again with "headrace drift profile", or update Headrace'),
  DRIFT_REFERENCE: never(409, 2)
    .message('version {version} of model {model} has no reference that its served vectors could be compared with')
    .hint('give it its training set by "headrace registry reference", or train it again'),
  DRIFT_WHYLOGS: never(400, 2)
    .message('the bytes are no profile of whylogs 1: {reason}')
    .hint('write the profile again with whylogs 1.x, one segment in each file, or compare the tables themselves'),
  DRIFT_EVIDENTLY: never(400, 2)
    .message('the text is no report of Evidently 0.7: {reason}')
    .hint('write it with "save_json" or "dumps" of a snapshot that has DataDriftPreset or ValueDrift'),
  DRIFT_MERGE: never(409, 2)
    .message('the profiles of column {column} do not merge: {reason}')
    .hint('profile both with the same reference and the same types'),
  DRIFT_FILE: never(400, 2)
    .message('the file {path} does not read as a table: {reason}')
    .hint('give a Parquet or CSV file with a header, or a profile of "headrace drift profile"'),
  DRIFT_COLUMN: never(400, 2)
    .message('{what} {column} is not in {path}; its columns: {known}')
    .hint('name a column that is in both files'),
  DRIFT_ENGINE: never(400, 2)
    .message('the environment has no engine that profiles files: its offline.engine is {kind}')
    .hint('set offline.engine to { kind: "spark", … }, or leave out --engine'),
  DRIFT_RULE: never(400, 2)
    .message('the rule {rule} is not known: {reason}')
    .hint('write "default", "psi>0.2" or "ks<0.05" with a number of your own'),
  DRIFT_OPTION: never(400, 2)
    .message('the option {option} has the value {value}: {reason}')
    .hint('give a value as the help page says'),
  DRIFT_LABEL: never(400, 2)
    .message('column {column} of {path} has the value {value}')
    .hint('give labels and predictions of 0 or 1 and scores from 0 to 1, or name the right --task'),
  DRIFT_REPLAY: never(400, 2)
    .message('the file {path} cannot be replayed: {reason}')
    .hint('name the columns of time, score and label, and begin after some rows with "--until" or "--share"'),
  DRIFT_CHAMPION: later(409, 2)
    .message('model {model} has no champion to watch')
    .hint('train it, and promote a version with "headrace models --promote"'),
  DRIFT_UNJUDGED: later(503, 4)
    .message('models were not judged: {reasons}')
    .hint('bring back the store that the reason names, then run headrace monitor --once again'),
  DRIFT_MONITOR: later(409, 4)
    .message('another process monitors {directory}')
    .hint('leave it running, or stop it first'),
  DRIFT_CHILD: later(500, 4)
    .message('the monitor ended by {how}; it starts again in 10 seconds')
    .hint('run "headrace monitor --once" to see why'),
};
