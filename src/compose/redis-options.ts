import type { RedisOptions } from '../backends/redis/redis-options.ts';
import { parseDuration } from '../base/time.ts';
import type { Environment } from '../environment/config.ts';
import { pemOf, secretOf } from './secrets.ts';

/** Options of the configuration with secrets and files in the place of their names. Errors: CONFIG_SECRET, CONFIG_TLS. */
export function redisOptions(online: Extract<Environment['online'], { kind: 'redis' }>): Omit<RedisOptions, 'prefix'> {
  const { url, cluster, username, password, tls, timeout } = online;
  return {
    urls: typeof url === 'string' ? [url] : url,
    cluster: cluster ?? typeof url !== 'string',
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: secretOf(password, 'online.password') }),
    tls: tls === undefined ? null : pemOf(tls),
    timeoutMs: parseDuration(timeout, 'online.timeout'),
  };
}
