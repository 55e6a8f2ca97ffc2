import { rows } from './row.ts';

/** Errors of drift: sketches, profiles, comparisons, monitors and labels. */
export const driftErrors = rows({
  DRIFT_SKETCH: {
    message: 'the bytes are no {kind} sketch: {reason}',
    hint: 'write the sketch again with a DataSketches library, serial version 1',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  DRIFT_PROFILE: {
    message: 'the bytes are no profile of this version: {reason}',
    hint: 'write the profile again with "headrace drift profile", or update Headrace',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  DRIFT_MERGE: {
    message: 'the profiles of column {column} do not merge: {reason}',
    hint: 'profile both with the same reference and the same types',
    retry: 'never',
    status: 409,
    exit: 2,
  },
  DRIFT_FILE: {
    message: 'the file {path} does not read as a table: {reason}',
    hint: 'give a Parquet or CSV file with a header, or a profile of "headrace drift profile"',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  DRIFT_COLUMN: {
    message: '{what} {column} is not in {path}; its columns: {known}',
    hint: 'name a column that is in both files',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  DRIFT_RULE: {
    message: 'the rule {rule} is not known: {reason}',
    hint: 'write "default", "psi>0.2" or "ks<0.05" with a number of your own',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  DRIFT_OPTION: {
    message: 'the option {option} has the value {value}: {reason}',
    hint: 'give a value as the help page says',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  DRIFT_LABEL: {
    message: 'column {column} of {path} has the value {value}',
    hint: 'give labels and predictions that are 0 or 1, and scores from 0 to 1',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  DRIFT_CHAMPION: {
    message: 'model {model} has no champion to watch',
    hint: 'train it, and promote a version with "headrace models --promote"',
    retry: 'later',
    status: 409,
    exit: 2,
  },
  DRIFT_REFERENCE: {
    message: 'version {version} of model {model} has no reference to compare with',
    hint: 'train the model again: a version keeps the profiles of its training set',
    retry: 'never',
    status: 409,
    exit: 2,
  },
  DRIFT_MONITOR: {
    message: 'another process monitors {directory}',
    hint: 'leave it running, or stop it first',
    retry: 'later',
    status: 409,
    exit: 4,
  },
  DRIFT_CHILD: {
    message: 'the monitor ended by {how}; it starts again in 10 seconds',
    hint: 'run "headrace monitor --once" to see why',
    retry: 'later',
    status: 500,
    exit: 4,
  },
});
