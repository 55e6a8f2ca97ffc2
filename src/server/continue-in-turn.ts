import type { Server } from 'node:http';

/**
 * Makes a server of node:http ask a client to continue with a body (100 Continue) only when it is that request's turn. By itself it queues the
 * 100 of a pipelined request, and then puts the head of a binary answer before it: the client reads the 100 as part of that answer.
 */
export function continueInTurn<S extends Server>(server: S): S {
  return server.on('checkContinue', (request, response) => {
    if (response.socket !== null) response.writeContinue();
    else
      response.once('socket', () => {
        // A request that was answered meanwhile needs no body.
        if (!response.headersSent) response.writeContinue();
      });
    server.emit('request', request, response);
  });
}
