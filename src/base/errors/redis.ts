import { rows } from './row.ts';

/** Errors of Redis and Valkey. */
export const redisErrors = rows({
  REDIS_CLIENT: {
    message: 'the environment uses Redis, and the package redis is not installed',
    hint: 'run npm install redis',
    retry: 'never',
    status: 500,
    exit: 3,
  },
  REDIS_UNREACHABLE: {
    message: 'the Redis at {address} cannot be reached: {reason}',
    hint: 'start it, or correct online.url; ingested events are in the log, and are written when Redis is back',
    retry: 'later',
    status: 503,
    exit: 5,
  },
  REDIS_TIMEOUT: {
    message: 'the Redis at {address} did not answer within {ms} ms',
    hint: 'check it for slow commands and load (SLOWLOG GET, INFO), or raise online.timeoutMs',
    retry: 'safe',
    status: 503,
    exit: 5,
  },
  REDIS_AUTH: {
    message: 'the Redis at {address} rejects the login: {reason}',
    hint: 'correct online.username and the variable that online.password names',
    retry: 'never',
    status: 500,
    exit: 3,
  },
  REDIS_POLICY: {
    message: 'the Redis at {address} may evict keys: its maxmemory-policy is {policy}',
    hint: 'set maxmemory-policy noeviction on it: an evicted tile makes a sum smaller, and nothing reports it',
    retry: 'never',
    status: 500,
    exit: 3,
  },
  REDIS_VERSION: {
    message: 'the Redis at {address} has version {found}; the oldest supported version is 7.0',
    hint: 'use Redis 7.0 or newer, or Valkey 8 or newer',
    retry: 'never',
    status: 500,
    exit: 3,
  },
  REDIS_MEMORY: {
    message: 'the Redis at {address} has reached its maxmemory',
    hint: 'raise maxmemory, or shorten the windows; ingested events are in the log, and are written when there is space',
    retry: 'later',
    status: 503,
    exit: 5,
  },
  REDIS_READONLY: {
    message: 'the Redis at {address} is a replica and rejects writes',
    hint: 'point online.url at the primary',
    retry: 'later',
    status: 503,
    exit: 5,
  },
  REDIS_CLUSTER: {
    message: 'the Redis cluster at {address} does not serve all slots: {reason}',
    hint: 'check CLUSTER INFO and CLUSTER SHARDS on it',
    retry: 'later',
    status: 503,
    exit: 5,
  },
  REDIS_BUSY: {
    message: 'the Redis at {address} accepts no commands now: {reason}',
    hint: 'wait until it has loaded its data, or fix the reason that it gives',
    retry: 'later',
    status: 503,
    exit: 5,
  },
  NAMESPACE_TAKEN: {
    message: 'the namespace {namespace} in the Redis at {address} belongs to {other}',
    hint: 'give each project and each environment its own namespace; if that data is obsolete, delete the keys that start with the namespace and ":"',
    retry: 'never',
    status: 500,
    exit: 2,
  },
});
