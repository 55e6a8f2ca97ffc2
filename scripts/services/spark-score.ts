import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must, once } from './binaries.ts';
import { pythonWith } from './python.ts';
import { isRunning, SHORT_LIVED, stopServer } from './server.ts';
import { cached, readState, removeRunFolder, runFolder, type Service, writeState } from './service.ts';
import { type SparkConnectServer, startSparkConnect } from './spark-connect.ts';
import { versions } from './versions.ts';

const NAME = 'spark-score';

interface ScoreServer extends SparkConnectServer {
  /** Its version, and its program. */
  readonly python: string;
  readonly interpreter: string;
}

/** Second attempts as often as they may be made. */
const SPECULATION = {
  'spark.speculation': 'true',
  'spark.speculation.multiplier': '1.0',
  'spark.speculation.quantile': '0.1',
  'spark.speculation.interval': '50ms',
  'spark.speculation.minTaskRuntime': '0ms',
};

/** A Connect server whose two executors are processes, with a Python that has ONNX Runtime. */
export const sparkScore: Service = {
  name: NAME,
  sets: ['SPARK_SCORE', 'SPARK_SCORE_TOKEN', 'SPARK_SCORE_PYTHON', 'SPARK_SCORE_INTERPRETER'],
  async fetch() {
    await sparkPython();
  },
  async up() {
    const known = running();
    if (known !== null) return told(known);
    const { interpreter, version } = await sparkPython();
    const started = await startSparkConnect(join(runFolder(NAME), 'server'), undefined, {
      master: 'local-cluster[2,1,768]',
      conf: { 'spark.executor.memory': '512m', 'spark.executor.extraJavaOptions': SHORT_LIVED, ...SPECULATION },
      env: { PYSPARK_PYTHON: interpreter },
    });
    const server = { ...started, python: version, interpreter };
    writeState(NAME, server);
    return told(server);
  },
  async down() {
    const server = running();
    if (server !== null) await stopServer(server, 'SIGTERM');
    removeRunFolder(NAME);
  },
  async status() {
    const server = running();
    return server === null ? null : told(server);
  },
};

/** A Python with Spark's own part of its workers and the packages that score, and its version, as `3.12`. */
async function sparkPython(): Promise<{ readonly interpreter: string; readonly version: string }> {
  const { version, distribution, python } = versions.spark;
  const zips = await once(`spark-python-${version}`, async (into) => {
    const source = ['--no-deps', '--no-binary', ':all:', '--no-cache-dir', '--disable-pip-version-check'];
    await must('python3', ['-m', 'pip', 'download', ...source, distribution], into);
    const [file = ''] = readdirSync(into).filter((name) => name.endsWith('.tar.gz'));
    await must('tar', ['-xzf', file, '--strip-components=2', '--wildcards', '*/lib/*.zip'], into);
    rmSync(join(into, file));
  });
  const interpreter = await pythonWith(`spark-score-${version}`, python);
  const [lib = ''] = readdirSync(cached(`python-spark-score-${version}`, 'lib'));
  const paths = readdirSync(zips).map((name) => `${join(zips, name)}\n`);
  const places = cached(`python-spark-score-${version}`, 'lib', lib, 'site-packages');
  mkdirSync(places, { recursive: true });
  // Another clone may read it now.
  const temporary = join(places, `spark-${process.pid}.tmp`);
  writeFileSync(temporary, paths.join(''));
  renameSync(temporary, join(places, 'spark.pth'));
  return { interpreter, version: lib.replace('python', '') };
}

function running(): ScoreServer | null {
  const server = readState<ScoreServer>(NAME);
  return server !== null && isRunning(server) ? server : null;
}

function told({ port, token, python, interpreter }: ScoreServer): Readonly<Record<string, string>> {
  return {
    SPARK_SCORE: `127.0.0.1:${port}`,
    SPARK_SCORE_TOKEN: token,
    SPARK_SCORE_PYTHON: python,
    SPARK_SCORE_INTERPRETER: interpreter,
  };
}
