import { rows } from './row.ts';

/** Errors of authentication, TLS and API keys. */
export const authErrors = rows({
  AUTH_KEY: {
    message: 'the request has no valid API key',
    hint: 'send the header authorization: Bearer with a key from headrace keys create that is not revoked',
    retry: 'never',
    status: 401,
    exit: 2,
  },
  AUTH_SCOPE: {
    message: 'the API key {id} does not have the scope {scope}',
    hint: 'add the scope with headrace keys grant, or use a key that has it',
    retry: 'never',
    status: 403,
    exit: 2,
  },
  AUTH_NO_KEYS: {
    message: 'the server would listen on {host}, outside this machine, and there is no API key',
    hint: 'create one with headrace keys create, or listen on 127.0.0.1',
    retry: 'never',
    status: 500,
    exit: 2,
  },
  AUTH_TLS: {
    message: 'the server would listen on {host}, outside this machine, without TLS: API keys could be intercepted',
    hint: 'set --tls-cert and --tls-key, or --tls-at-proxy if a proxy terminates TLS',
    retry: 'never',
    status: 500,
    exit: 2,
  },
  AUTH_TLS_FILE: {
    message: 'the TLS certificate or key cannot be used: {reason}',
    hint: 'name a PEM certificate and its key',
    retry: 'never',
    status: 500,
    exit: 2,
  },
  KEYS_FILE: {
    message: 'the API keys in {path} cannot be read or written: {reason}',
    hint: 'restore the file from a backup; until then no key is valid',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  KEYS_UNKNOWN: {
    message: 'there is no API key {id}; there are {known}',
    hint: 'name a key from headrace keys list',
    retry: 'never',
    status: 404,
    exit: 2,
  },
});
