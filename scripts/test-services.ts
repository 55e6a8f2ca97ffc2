import { spawn } from 'node:child_process';
import { flink } from './services/flink.ts';
import { kafka } from './services/kafka.ts';
import { redis } from './services/redis.ts';
import { redisCluster } from './services/redis-cluster.ts';
import { spark } from './services/spark.ts';
import { sparkConnect } from './services/spark-connect.ts';
import { valkey } from './services/valkey.ts';

/** What the suites of test/services run against. */
const needed = [redis, valkey, redisCluster, kafka, flink, spark, sparkConnect];

process.exitCode = await main(process.argv.slice(2));

/**
 * Starts the services, runs the suites (those named, all otherwise), ends the services. One that cannot be had is a failure:
 * the closing line then counts it, and what was not run is not called passed.
 */
async function main(files: readonly string[]): Promise<number> {
  const env: Record<string, string> = {};
  try {
    for (const service of needed) Object.assign(env, await service.up());
    return await runSuites(files, env);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    console.log('0 passed, 1 failed, 0 skipped');
    return 1;
  } finally {
    for (const service of needed) await service.down();
  }
}

function runSuites(files: readonly string[], env: Readonly<Record<string, string>>): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn('vitest', ['run', '--config', 'vitest.services.config.ts', ...files], {
      env: { ...process.env, ...env },
      stdio: 'inherit',
    });
    child.once('error', reject).once('close', (code) => resolve(code ?? 1));
  });
}
