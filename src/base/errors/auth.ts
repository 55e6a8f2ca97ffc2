import { rows } from './row.ts';

/** Who may call the server, and how keys are kept. */
export const authErrors = rows({
  AUTH_KEY: {
    message: 'the call has no API key that is valid',
    mend: 'send authorization: Bearer with a key of headrace keys create that is not revoked',
    retry: 'never',
    status: 401,
    exit: 2,
  },
  AUTH_SCOPE: {
    message: 'the API key {id} has no scope {scope}',
    mend: 'use a key with that scope',
    retry: 'never',
    status: 403,
    exit: 2,
  },
  AUTH_NO_KEYS: {
    message: 'the server would listen on {host}, beyond this machine, and there is no API key',
    mend: 'make one by headrace keys create, or listen on 127.0.0.1',
    retry: 'never',
    status: 500,
    exit: 2,
  },
  AUTH_TLS: {
    message: 'the server would listen on {host}, beyond this machine, without TLS: keys could be read on their way',
    mend: 'give --tls-cert and --tls-key, or --tls-at-proxy where a proxy in front of it has TLS',
    retry: 'never',
    status: 500,
    exit: 2,
  },
  AUTH_TLS_FILE: {
    message: 'the certificate or key for TLS cannot be used: {reason}',
    mend: 'name files in PEM that belong together',
    retry: 'never',
    status: 500,
    exit: 2,
  },
  KEYS_FILE: {
    message: 'the API keys in {path} cannot be read or written: {reason}',
    mend: 'restore the file from its copy; while it cannot be read no key is valid',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  KEYS_UNKNOWN: {
    message: 'there is no API key {id}; there are {known}',
    mend: 'name one of headrace keys list',
    retry: 'never',
    status: 404,
    exit: 2,
  },
});
