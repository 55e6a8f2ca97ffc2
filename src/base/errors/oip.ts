import { later, never } from './row.ts';

/** Errors of the Open Inference Protocol. Its clients get the reason alone, in the protocol's own form. */
export const oipErrors = {
  OIP_REQUEST: never(400, 2)
    .message('the inference request is refused: {reason}')
    .hint('send the inputs that the metadata of the model describes; docs/reference/oip.md has the protocol'),
  OIP_UNKNOWN: never(404, 2)
    .message('the server does not have it: {reason}')
    .hint('list the models with POST /v2/repository/index'),
  OIP_UNAVAILABLE: later(503, 5)
    .message('the request cannot be answered now: {reason}; retry after {afterS} s')
    .hint('retry after the seconds that retry-after says'),
  OIP_UNSUPPORTED: never(501, 2)
    .message('the server does not support it: {reason}')
    .hint('leave it out; docs/reference/oip.md lists supported options'),
  OIP_LOAD: never(400, 3)
    .message('the model is not loaded: {reason}')
    .hint('correct the files or the configuration of the model, then load it again'),
  OIP_CONFIG: never(400, 2)
    .message('the configuration {path} cannot be used: {reason}')
    .hint('correct it, or leave the field out'),
};
