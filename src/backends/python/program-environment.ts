import { delimiter, dirname } from 'node:path';
import { telemetryOff } from '../../process/telemetry.ts';

/** Names of variables that pip needs to reach an index; a worker gets none of them. */
const FOR_INSTALLS = /^(PIP_\w+|(https?|no|all)_proxy|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE)$/i;

/** Only what a program needs to start. */
export function toolsEnvironment(home: string): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: home, TMPDIR: home, LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8' };
}

/** For pip: with the index, the proxy and the configuration of this user. */
export function installEnvironment(scratch: string): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => FOR_INSTALLS.test(name));
  const home = process.env['HOME'] ?? scratch;
  return { ...toolsEnvironment(scratch), HOME: home, ...(Object.fromEntries(kept) as Record<string, string>) };
}

/** For a worker: nothing of the server's but the path of system programs. */
export function workerEnvironment(python: string, home: string, threads: number): Record<string, string> {
  const count = String(threads);
  return {
    PATH: [dirname(python), '/usr/local/bin', '/usr/bin', '/bin'].join(delimiter),
    HOME: home,
    TMPDIR: home,
    LANG: 'C.UTF-8',
    LC_ALL: 'C.UTF-8',
    MPLCONFIGDIR: home,
    OMP_NUM_THREADS: count,
    OPENBLAS_NUM_THREADS: count,
    MKL_NUM_THREADS: count,
    NUMEXPR_NUM_THREADS: count,
    // The model of the version is all that it may read: no server to report to, no files of experiments.
    MLFLOW_TRACKING_URI: `file://${home}/mlruns`,
    ...telemetryOff,
  };
}
