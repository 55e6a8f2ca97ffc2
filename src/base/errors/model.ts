import { later, never } from './row.ts';

/** Errors of models: files, versions, training and serving. */
export const modelErrors = {
  ARTIFACT_UNKNOWN: never(404, 4)
    .message('there is no artefact {digest}')
    .hint('name the digest of a registered version, or restore the artefact directory'),
  ARTIFACT_DAMAGED: never(500, 4)
    .message('the artefact {path} does not match its digest')
    .hint('restore the file from a backup, or train and register a new version'),
  ARTIFACT_READ: later(503, 4)
    .message('the artefact {path} cannot be read: {reason}')
    .hint('make the file readable, and check the disk'),
  ARTIFACT_WRITE: later(503, 4)
    .message('the artefact {path} cannot be written: {reason}')
    .hint('free space, or make the directory writable'),
  REGISTRY_FILE: never(503, 4)
    .message('the registry {path} cannot be used: {reason}')
    .hint('restore the file from a backup, or make it readable and writable'),
  REGISTRY_WRITE: later(503, 4)
    .message('the registry {path} cannot be written: {reason}')
    .hint('free disk space, or make the file and its directory writable; nothing of the change was stored'),
  REGISTRY_BUSY: later(503, 5)
    .message('another process holds the registry {path}')
    .hint('retry; if it persists, stop the process that holds a write transaction open'),
  REGISTRY_FORMAT: never(503, 4)
    .message('the registry {path} has format {format}; this version knows {known}')
    .hint('run the version of headrace that wrote it, or a newer one'),
  REGISTRY_VERSION: never(404, 2)
    .message('model {model} has no version {version}')
    .hint('list its versions with headrace models'),
  REGISTRY_MOVED: never(409, 5)
    .message('alias {alias} of model {model} points to {found}, not to {expected}')
    .hint('someone else moved it: check its history, then decide again'),
  MODEL_UNKNOWN: never(404, 2).message('the project has no model {model}; it has {known}').hint('name one of them'),
  REGISTRY_ALIAS: never(404, 2)
    .message('model {model} has no alias {alias}')
    .hint('list its versions and their aliases with headrace models, or name a version: models:/name/3'),
  MODEL_NONE: later(503, 5)
    .message('model {model} has no champion')
    .hint('train one with headrace train, or move the alias'),
  MODEL_RUNTIME: never(503, 3)
    .message('models cannot be run: the package onnxruntime-node cannot be loaded: {reason}')
    .hint('run npm install onnxruntime-node@1.30.0 --ignore-scripts, and start again'),
  MODEL_FILE: never(500, 3)
    .message('the model file cannot be run: {reason}')
    .hint('export it as ONNX with the inputs and outputs of the signature'),
  MODEL_TENSOR: never(400, 2)
    .message('the inputs of the model are refused: {reason}')
    .hint('send the tensors of its metadata, with their names, types and shapes'),
  MODEL_CELL: never(400, 2)
    .message('version {version} of model {model} cannot take a row: {reason}')
    .hint('send a value that the type of the input holds, or train the model with inputs of type FP64'),
  MODEL_RUN: never(500, 3)
    .message('the run of model {model} failed: {reason}')
    .hint('check the model with these inputs; the server and other models continue'),
  MODEL_SCORE: never(500, 3)
    .message('version {version} of model {model} scored row {row} {score}, which is not a finite number')
    .hint('check the values of the row, or train a model that bounds its inputs'),
  MODEL_BUSY: later(503, 5)
    .message('model {model} has {waiting} rows waiting to be scored')
    .hint('retry later, or start more serving processes'),
  MODEL_DEADLINE: later(504, 5)
    .message('model {model} did not answer within the time of the call')
    .hint('give the call more time, or look at the load and the p99 of the model; nothing was logged'),
  MODEL_LEFT: later(503, 5)
    .message('the caller of model {model} left before its prediction was made')
    .hint('keep both directions of the connection open until the answer; nothing was logged'),
  MODEL_SIGNATURE: never(500, 3)
    .message('version {version} of model {model} reads {feature}, which its service does not return')
    .hint('train it again on the declared service'),
  MODEL_ENCODING: never(500, 3)
    .message('version {version} of model {model} was trained with the decimal {feature} as an unscaled integer')
    .hint('train the model again with headrace train, then promote the new version'),
  MODEL_PARITY: never(500, 3)
    .message('version {version} of model {model} scores a parity vector {found}; its trainer scored it {expected}')
    .hint('do not serve it, and train again: the file or the runtime computes another function than the trainer'),
  TRAINING_JOB: never(500, 3)
    .message('the training job {command} in {directory} ended with {outcome}: {tail}')
    .hint('see the last lines of its output and its files, then run it again'),
  TRAINING_JOB_FILE: never(400, 2)
    .message('{path} is no training job: {reason}')
    .hint('write job.json as docs/reference/training-jobs.md describes'),
  TRAINING_DIRECTORY: later(503, 4)
    .message('the directory {directory} of a training run cannot be written: {reason}')
    .hint('free space, or make it writable'),
  TRAINING_RESULT: never(500, 3)
    .message('the training job left no readable result: {reason}')
    .hint('write result.json as docs/reference/training-jobs.md describes'),
  TRAINING_DATA: never(400, 3)
    .message('the training set {path} is unusable: {reason}')
    .hint(
      'choose a span with both labels and with numeric features; by default it ends where every label has had its time',
    ),
  TRAINING_CHECKPOINT: never(409, 2)
    .message('the checkpoint {path} cannot be resumed: {reason}')
    .hint('use another directory, or the training set and options that the run began with'),
  TRAINING_RESUME: never(409, 2)
    .message('no unfinished training of model {model} can be resumed: {reason}')
    .hint('start a training without resume'),
  TRAINING_OPTION: never(400, 2)
    .message('the trainer {kind} rejects its options: {reason}')
    .hint('correct them under train.with of the model; docs/reference/training-jobs.md lists them'),
  TRAINING_KIND: never(400, 2)
    .message('there is no trainer of kind {kind}; there are {known}')
    .hint('use one of them; kinds "command" and "mlflow" need command, a list of a program and its arguments'),
  TRAINING_TRACKING: never(409, 2)
    .message('the trainer of model {model} logs by a client of MLflow, and no address of a registry is known')
    .hint('set registry.port in the environment and run headrace serve, or set MLFLOW_TRACKING_URI'),
  TRAINING_UNLOGGED: never(500, 3)
    .message('the training program ended, and logged no version of model {model} for the job {job}')
    .hint(
      'call log_model with registered_model_name inside mlflow.start_run(), or tag the version: headrace.job is HEADRACE_RUN_ID',
    ),
  MODEL_UPSTREAM: never(503, 2)
    .message(
      'version {version} of model {model} is answered by the upstream {upstream}, which this process does not have',
    )
    .hint('name the server under models.upstreams of the environment; batch jobs and engines have no upstreams'),
  PIPELINE_MODEL: never(400, 2)
    .message('pipeline {pipeline} has the model {model} twice')
    .hint('name each model once under models'),
  PIPELINE_REQUEST: never(400, 2)
    .message(
      'model {model} of pipeline {pipeline} reads the request column {column} of type {type}, which the request has not',
    )
    .hint('add the column to the request of the service of the pipeline, with this type'),
  PIPELINE_RUN: never(500, 4)
    .message('the function of pipeline {pipeline} failed: {reason}')
    .hint('correct the function; nothing of the call was logged'),
  PIPELINE_OUTPUT: never(500, 4)
    .message('the function of pipeline {pipeline} gave {value} for output {output}, which is {wanted}')
    .hint('correct the function, or the type of the output; nothing of the call was logged'),
};
