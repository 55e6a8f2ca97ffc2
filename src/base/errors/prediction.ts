import { later, never } from './row.ts';

/** Errors of predictions and their log. */
export const predictionErrors = {
  PREDICTION_VALUE: never(400, 2)
    .message('a prediction of model {model} has the {part} {value}')
    .hint('use an id that is well-formed text and not empty'),
  PREDICTION_RECORD: never(500, 4)
    .message('a record of the prediction log cannot be read: {reason}')
    .hint('run the version of headrace that wrote it, or a newer one'),
  LABEL_IDS: later(503, 4)
    .message('the ids that wait for labels cannot be kept in {path}: {reason}')
    .hint('free space on the disk, or make the directory writable; the labels are joined again from the history'),
};
