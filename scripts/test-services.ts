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
  try {
    return await runSuites(files, await started());
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    console.log('0 passed, 1 failed, 0 skipped');
    return 1;
  } finally {
    for (const service of needed) await service.down();
  }
}

/** Starts all services at once; gives where they answer. */
async function started(): Promise<Readonly<Record<string, string>>> {
  const all = await Promise.allSettled(needed.map((service) => service.up()));
  return Object.assign(
    {},
    ...all.map((one) => {
      if (one.status === 'rejected') throw one.reason;
      return one.value;
    }),
  );
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
