import { later, never } from './row.ts';

/** Errors of batch inference. */
export const predictErrors = {
  PREDICT_FORMAT: never(400, 2)
    .message('the format of {path} is not known from its name')
    .hint('name the file .parquet, .csv, .tsv or .jsonl, or say its format with --format'),
  PREDICT_INPUT: never(400, 3)
    .message('the input {path} cannot be read: {reason}')
    .hint('correct the file, or the path and format that name it'),
  PREDICT_COLUMN: never(400, 3)
    .message('the input {path} has no column {column}; it has {found}')
    .hint('add the column; if the rows are requests and not features, add --spine'),
  PREDICT_INPUTS: never(400, 2)
    .message('version {version} of model {model} reads {features}, and the job names {named} columns')
    .hint('name one column for each of them with --inputs, in this order, or leave --inputs out'),
  PREDICT_TYPE: never(400, 3)
    .message('column {column} of {path} is a {type}, which no model reads')
    .hint('write it as a number, a boolean or a text of a number'),
  PREDICT_NAME: never(400, 2)
    .message('the output of {path} would have two columns {column}')
    .hint('name the columns to keep with --columns, without this one, or rename it in the input'),
  PREDICT_CHANGED: never(409, 3)
    .message('the input {path} changed while it was read')
    .hint('start again once nothing writes the file; the changed file is another job'),
  PREDICT_OUTPUT: never(409, 2)
    .message('the folder {path} holds the output of job {job}')
    .hint('choose another folder, or replace the output with --replace'),
  PREDICT_FOLDER: never(400, 2)
    .message('the folder {path} is not one of batch outputs: {reason}')
    .hint('name an empty folder, or one that a batch job has written'),
  PREDICT_FENCED: later(409, 5)
    .message('another run of a batch job has taken over the folder {path}')
    .hint('wait for the other run; this one wrote nothing that is listed'),
  PREDICT_FULL: later(507, 4)
    .message('no space is left to write {path}')
    .hint('free space, then start the same job again: it resumes'),
  PREDICT_WRITE: later(500, 4)
    .message('the file {path} of a batch job cannot be written: {reason}')
    .hint('allow the process to write there, then start the same job again: it resumes'),
  PREDICT_REJECTED: never(422, 3)
    .message('job {job} rejected {rejected} of {rows} rows, more than its limit of {most}: {reason}')
    .hint('see the quarantine files of the job; correct the input, or raise --most-errors'),
  PREDICT_WORKER: later(500, 4)
    .message('workers of job {job} ended {deaths} times in a row before they scored a row: {outcome}')
    .hint('see the output of the worker; lower --workers where memory ran out, then start the same job again'),
  PREDICT_OPTION: never(400, 2)
    .message('a batch job cannot have {option} = {value}')
    .hint('give a share from 0 to 1 for mostErrors, and a whole number from 1 for workers'),
  PREDICT_PATH: never(400, 2)
    .message('the path {path} is not below {folder}')
    .hint('put the input into this folder, and write the output into it'),
  PREDICT_ENGINE: never(400, 2)
    .message('no engine of this environment scores batch jobs; offline.engine is {kind}')
    .hint('set offline.engine to spark with scoreJars or to sparkConnect with scorePython, or leave --engine out'),
  PREDICT_ENGINE_MODEL: never(400, 2)
    .message('version {version} of model {model} cannot be scored by an engine: {reason}')
    .hint('leave --engine out: worker processes score it; or log it with a flavour that is ONNX'),
  PREDICT_ENGINE_ROWS: never(500, 4)
    .message(
      'the engine returned {found} rows for partition {partition} of job {job}, which has {rows}, or in another order',
    )
    .hint('remove settings of the engine that split or reorder files; nothing of this partition was published'),
  PREDICT_CONDITION: never(501, 2)
    .message('the store of {path} ignores conditions of writes, so two jobs could commit there at once')
    .hint('write to a store that supports If-Match and If-None-Match, or to a local folder'),
  PREDICT_MANIFEST: never(500, 4)
    .message('the file {path} of a batch job cannot be read: {reason}')
    .hint('write the output again into another folder'),
  PREDICT_TEXT: never(400, 3)
    .message('the model reads texts, and column {column} of {path} is a {type}')
    .hint('write the column as text'),
  PREDICT_EMPTY: never(400, 3)
    .message('no file of rows is at {path}')
    .hint('name a folder or a pattern with files; names that begin with _ or . are left out, as Spark does'),
  PREDICT_MIXED: never(400, 3)
    .message('the input has files of several formats: {path} is {format}, and {first} is {other}')
    .hint('score the files of each format by another job, or say the one format with --format'),
  PREDICT_SCHEMA: never(400, 3)
    .message('the files of the input have different columns: {reason}')
    .hint('write all files with the same columns of the same types'),
  PREDICT_FILES: never(400, 2)
    .message('the input has {files} files, more than {most}')
    .hint('write larger files, or score the folders one by one'),
  PREDICT_OUTPUTS: never(400, 2)
    .message('the output {output} cannot be written: {reason}')
    .hint('name outputs of the version with --outputs, each of as many values for every row'),
  PREDICT_SPINE: never(400, 2)
    .message('the features of a spine cannot be joined: {reason}')
    .hint('name a declared model, and one file or files of Parquet; or leave --spine out'),
  PREDICT_REGISTRY: never(404, 2)
    .message('no registry is in the folder {path}')
    .hint('name the folder of an environment with --registry, or run the command next to headrace.config.ts'),
  PREDICT_PARTITION: never(400, 2)
    .message('the output cannot be partitioned by {column}: {reason}')
    .hint('name another column of the output with --partition-by, such as one of few texts or dates'),
  PREDICT_OUT: never(409, 2)
    .message('the data set {path} cannot be written: {reason}')
    .hint('name another folder with --out, or replace the data set of an earlier job with --overwrite'),
  PREDICT_SHADOW: never(400, 2)
    .message('version {shadow} cannot shadow a job that writes outputs by name')
    .hint('leave --shadow out, or score a declared model without --outputs: shadows compare scores'),
  PREDICT_ENGINE_OUTPUTS: never(400, 2)
    .message('an engine writes one score a row, and this job writes outputs by name')
    .hint('leave --engine out: worker processes write them; or score a declared model without --outputs'),
};
