import { never } from './row.ts';

/** Errors of authentication, TLS and API keys. */
export const authErrors = {
  AUTH_KEY: never(401, 2)
    .message('the request has no valid API key')
    .hint('send the header authorization: Bearer with a key from headrace keys create that is not revoked'),
  AUTH_SCOPE: never(403, 2)
    .message('the API key {id} does not have the scope {scope}')
    .hint('add the scope with headrace keys grant, or use a key that has it'),
  AUTH_NO_KEYS: never(500, 2)
    .message('the server would listen on {host}, outside this machine, and there is no API key')
    .hint('create one with headrace keys create, or listen on 127.0.0.1'),
  AUTH_TLS: never(500, 2)
    .message('the server would listen on {host}, outside this machine, without TLS: API keys could be intercepted')
    .hint('set --tls-cert and --tls-key, or --tls-at-proxy if a proxy terminates TLS'),
  AUTH_TLS_FILE: never(500, 2)
    .message('the TLS certificate or key cannot be used: {reason}')
    .hint('name a PEM certificate and its key'),
  KEYS_FILE: never(500, 4)
    .message('the API keys in {path} cannot be read or written: {reason}')
    .hint('restore the file from a backup; until then no key is valid'),
  KEYS_UNKNOWN: never(404, 2)
    .message('there is no API key {id}; there are {known}')
    .hint('name a key from headrace keys list'),
};
