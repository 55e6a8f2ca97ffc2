import type { Server } from 'node:http';

/**
 * Has a server of node:http answer a client that has sent all and said so, as the lean reader does: by itself it drops the answers that
 * are not there at once. It is a field of the server, without an option.
 */
export function answerHalfOpen<S extends Server>(server: S): S {
  return Object.assign(server, { httpAllowHalfOpen: true });
}
