import { later, never, safe } from './row.ts';

/** Errors of the HTTP server. */
export const serverErrors = {
  SERVER_GRPC: never(503, 3)
    .message('gRPC cannot be served: {reason}')
    .hint('run npm install @bufbuild/protobuf, and start again'),
  SERVER_BODY: never(400, 2)
    .message('the route rejects the body: {reason}')
    .hint('send JSON as /openapi.json describes it'),
  SERVER_HEADER: never(400, 2)
    .message('the route rejects the header {header}: {reason}')
    .hint('send it as docs/reference/http.md describes it, or leave it out'),
  SERVER_BODY_SIZE: never(413, 2)
    .message('the body is larger than the limit of the server')
    .hint('send fewer events or keys at once, or start the server with a larger --body-limit'),
  SERVER_BODY_BOUNDS: never(413, 2)
    .message('the body exceeds the limit of {most} for {what}')
    .hint('send it in several requests; send large tensors as binary data'),
  SERVER_HELD: later(503, 5)
    .message('a request would hold more than the {most} bytes that requests may hold at once')
    .hint('retry after the time in retry-after, and send fewer large requests at once'),
  SERVER_SLOW_BODY: safe(408, 5)
    .message('the request was not whole within {seconds} s')
    .hint('send it in one go, or in smaller requests'),
  SERVER_SPINE_SIZE: never(413, 2)
    .message('the spine is larger than the limit of {most} bytes')
    .hint('send its rows in several requests, or start the server with a larger --spine-limit'),
  SERVER_FORM: never(400, 2)
    .message('the body is not the form of the route: {reason}')
    .hint('send multipart/form-data with a file for each part that docs/reference/http.md names for the route'),
  SERVER_FORM_SIZE: never(413, 2)
    .message('the files are larger than the limit of {most} bytes')
    .hint('send fewer rows or a shorter recording, or run the command of the same name where the files are'),
  SERVER_JUDGE: later(500, 4)
    .message('the process that read the files ended with {outcome}')
    .hint('send fewer rows or a shorter recording; a judgement has 2 minutes and 1 GiB of heap'),
  SERVER_MEDIA_TYPE: never(415, 2)
    .message('the route does not accept this content type')
    .hint('send content-type: application/json, or another that /openapi.json names for the route'),
  SERVER_METHOD_BODY: never(400, 2)
    .message('a {method} request has a body')
    .hint('send it without a body, or with the method that /openapi.json names for the route'),
  SERVER_PAGE: never(403, 2)
    .message('the server does not answer a page of another site: {page}')
    .hint(
      'call it from a program or from a page on its own host, or start it with --host-name and the host of that page',
    ),
  SERVER_HOST: never(421, 2)
    .message('the server does not accept the host name {host}')
    .hint('use localhost, or start the server with --host-name and the name that its clients use'),
  SERVER_ROUTE: never(404, 2).message('there is no route {method} {path}').hint('see /openapi.json for the routes'),
  SERVER_CONSOLE: never(404, 2)
    .message('the console cannot answer: {reason}')
    .hint('open / in a browser; in a copy of the repository run npm run console first; /openapi.json has the routes'),
  SERVER_DOCS: never(404, 2)
    .message('the documentation cannot answer: {reason}')
    .hint('open /docs/; in a copy of the repository npm run site builds it, and the folder docs has the same pages'),
  SERVER_METHOD: never(405, 2)
    .message('the route {path} does not take {method}')
    .hint('send a method that the header allow of the answer lists'),
  SERVER_READ_ONLY: never(404, 2)
    .message('this process only reads: it has no route {method} {path}')
    .hint('send the request to the writing process (headrace serve)'),
  SERVER_WRITER: later(503, 5)
    .message('the writing process does not answer: {reason}')
    .hint(
      'retry after the time in retry-after: repeated events count once by their ids; if it persists, see the log of the server',
    ),
  SERVER_BUSY: later(503, 5)
    .message('the server has more requests than it can answer in time')
    .hint('retry after the time in retry-after; if it persists, add serving processes'),
  SERVER_CLOSING: later(503, 5)
    .message('the server is stopping, and the request was incomplete')
    .hint('retry after the time in retry-after: nothing of the request was stored'),
  SERVER_FAULT: later(500, 1)
    .message('the server failed with an unknown error')
    .hint('see the log of the server at this time, and report the error'),
  SERVER_ASK: later(502, 5)
    .message('the server {server} does not answer: {reason}')
    .hint('start it with headrace serve, or name the address that it listens on'),
  SERVER_STRANGER: never(502, 5)
    .message('{server} is not a Headrace server: {reason}')
    .hint('name the address that headrace serve or headrace dev printed'),
  SERVER_PROJECT: never(502, 5)
    .message('the server at {server} serves project {found}, namespace {namespace}; this configuration is of {wanted}')
    .hint('name the server of this project: headrace status <server>'),
  SERVER_ADDRESS: later(500, 5)
    .message('cannot listen on {address}: {reason}')
    .hint('choose another --port, or stop the process that listens there'),
};
