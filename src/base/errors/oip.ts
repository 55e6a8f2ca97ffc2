import { rows } from './row.ts';

/** Errors of the Open Inference Protocol. Its clients get the reason alone, in the protocol's own form. */
export const oipErrors = rows({
  OIP_REQUEST: {
    message: 'the inference request is refused: {reason}',
    hint: 'send the inputs that the metadata of the model describes; docs/reference/oip.md has the protocol',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  OIP_UNKNOWN: {
    message: 'the server does not have it: {reason}',
    hint: 'list the models with POST /v2/repository/index',
    retry: 'never',
    status: 404,
    exit: 2,
  },
  OIP_UNAVAILABLE: {
    message: 'the request cannot be answered now: {reason}; retry after {afterS} s',
    hint: 'retry after the seconds that retry-after says',
    retry: 'later',
    status: 503,
    exit: 5,
  },
  OIP_UNSUPPORTED: {
    message: 'the server does not support it: {reason}',
    hint: 'leave it out; docs/reference/oip.md lists supported options',
    retry: 'never',
    status: 501,
    exit: 2,
  },
  OIP_LOAD: {
    message: 'the model is not loaded: {reason}',
    hint: 'correct the files or the configuration of the model, then load it again',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  OIP_CONFIG: {
    message: 'the configuration {path} cannot be used: {reason}',
    hint: 'correct it, or leave the field out',
    retry: 'never',
    status: 400,
    exit: 2,
  },
});
