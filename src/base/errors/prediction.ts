import { rows } from './row.ts';

/** Errors of predictions and their log. */
export const predictionErrors = rows({
  PREDICTION_VALUE: {
    message: 'a prediction of model {model} has the {part} {value}',
    hint: 'use an id that is well-formed text and not empty',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  PREDICTION_RECORD: {
    message: 'a record of the prediction log cannot be read: {reason}',
    hint: 'run the version of headrace that wrote it, or a newer one',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  LABEL_IDS: {
    message: 'the ids that wait for labels cannot be kept in {path}: {reason}',
    hint: 'free space on the disk, or make the directory writable; the labels are joined again from the history',
    retry: 'later',
    status: 503,
    exit: 4,
  },
});
