import { rows } from './row.ts';

/** What can be wrong with a Redis or Valkey. */
export const redisErrors = rows({
  REDIS_CLIENT: {
    message: 'the environment names a Redis, and the package redis is not installed',
    mend: 'run npm install redis',
    retry: 'never',
    status: 500,
    exit: 3,
  },
  REDIS_UNREACHABLE: {
    message: 'the Redis at {address} cannot be reached: {reason}',
    mend: 'start it, or correct online.url; what was ingested is in the log and is written when it is back',
    retry: 'later',
    status: 503,
    exit: 5,
  },
  REDIS_TIMEOUT: {
    message: 'the Redis at {address} has not answered within {ms} ms',
    mend: 'look for slow commands and a full machine there (SLOWLOG GET, INFO), or raise online.timeoutMs',
    retry: 'safe',
    status: 503,
    exit: 5,
  },
  REDIS_AUTH: {
    message: 'the Redis at {address} refuses the login: {reason}',
    mend: 'correct online.username and the variable that online.password names',
    retry: 'never',
    status: 500,
    exit: 3,
  },
  REDIS_POLICY: {
    message: 'the Redis at {address} may evict keys: its maxmemory-policy is {policy}',
    mend: 'set maxmemory-policy noeviction there: an evicted tile is a silently smaller sum',
    retry: 'never',
    status: 500,
    exit: 3,
  },
  REDIS_VERSION: {
    message: 'the Redis at {address} has version {found}; 7.0 is the oldest that is known',
    mend: 'use Redis 7.0 or Valkey 8 or newer',
    retry: 'never',
    status: 500,
    exit: 3,
  },
  REDIS_MEMORY: {
    message: 'the Redis at {address} is full: it has reached its maxmemory',
    mend: 'raise maxmemory there, or shorten the windows; what was ingested is in the log and is written when there is room',
    retry: 'later',
    status: 503,
    exit: 5,
  },
  REDIS_READONLY: {
    message: 'the Redis at {address} is a replica and takes no writes',
    mend: 'point online.url at the primary',
    retry: 'later',
    status: 503,
    exit: 5,
  },
  REDIS_CLUSTER: {
    message: 'the Redis cluster at {address} does not serve all slots: {reason}',
    mend: 'look at CLUSTER INFO and CLUSTER SHARDS there',
    retry: 'later',
    status: 503,
    exit: 5,
  },
  REDIS_BUSY: {
    message: 'the Redis at {address} does not take commands now: {reason}',
    mend: 'wait until it has loaded, or mend what it says',
    retry: 'later',
    status: 503,
    exit: 5,
  },
  NAMESPACE_TAKEN: {
    message: 'the namespace {namespace} in the Redis at {address} is that of {other}',
    mend: 'give each project and each environment a namespace of its own; if those data are gone, delete the keys that begin with it and ":"',
    retry: 'never',
    status: 500,
    exit: 2,
  },
  REDIS_LOST: {
    message: 'the Redis at {address} has lost writes that it had acknowledged',
    mend: 'nothing: they are written again from the log; answers say degraded until then',
    retry: 'later',
    status: 503,
    exit: 5,
  },
});
