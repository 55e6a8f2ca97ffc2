import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RankProcess } from '../../src/backends/local/rank-process.ts';
import { onnxProcesses } from '../../src/backends/onnx/onnx-processes.ts';
import { tryOutOnnx } from '../../src/backends/onnx/try-out.ts';
import { runProgram } from '../../src/backends/python/run-program.ts';
import { WorkerProcess as PythonWorker } from '../../src/backends/python/worker-process.ts';
import { runSky } from '../../src/backends/skypilot/sky-command.ts';
import { SlurmTrainingBackend } from '../../src/backends/slurm/training-backend.ts';
import { findInstallation, historyRunner } from '../../src/backends/spark/installation.ts';
import { SparkApplication } from '../../src/backends/spark/session.ts';
import { dev } from '../../src/cli/commands/dev.ts';
import { parseCall } from '../../src/cli/options/parse-call.ts';
import { installPackages } from '../../src/cli/scaffold/install-packages.ts';
import { packageManager } from '../../src/cli/scaffold/package-manager.ts';
import { runDev } from '../../src/cli/serve/run-dev.ts';
import { startMonitor, startRegistryChild } from '../../src/cli/serve/served-children.ts';
import { commitOf } from '../../src/cost/catalog/import-prices.ts';
import { refreshPrices } from '../../src/cost/catalog/refresh-prices.ts';
import { machineHardware } from '../../src/cost/evidence/machine-hardware.ts';
import { runMeasured } from '../../src/cost/profile/measure-job.ts';
import { watchDmon } from '../../src/gpu/watch.ts';
import { askedBy } from '../../src/running/asked-by.ts';
import { WorkerProcess as BatchWorker } from '../../src/serving/batch/worker-process.ts';
import { HistoryProcesses, type ToHistoryWorker } from '../../src/site/history-process.ts';
import { judgeFiles } from '../../src/site/judge-files/judge-process.ts';

/** A place in src that starts children: how a test makes it start one, or why the test leaves it out. */
export type Place = { readonly start: Start; readonly startAnother?: Start } | { readonly leftOut: string };

type Start = (place: Started) => unknown;

/** Where the places start their children. */
export interface Started {
  readonly folder: string;
  /** A program that ends by no signal but SIGKILL. */
  readonly sleeper: string;
}

const DAY_MS = 86_400_000;
const never = new Promise<never>(() => undefined);
const entry = new URL('./places.ts', import.meta.url);
const env = { PATH: process.env['PATH'] ?? '' };

const call = ({ folder }: Started) =>
  parseCall(dev, ['--config', join(folder, 'headrace.config.ts'), '--port', '0'], {
    out: () => undefined,
    err: () => undefined,
    interactive: false,
    stopped: never,
  });

/** A Spark whose starter, and a JDK whose compiler, are other programs. */
function spark(
  { folder }: Started,
  name: string,
  programs: { readonly submit: string; readonly javac: string },
): string {
  const home = join(folder, name);
  for (const part of ['bin', 'jars']) mkdirSync(join(home, part), { recursive: true });
  writeFileSync(join(home, 'jars', 'spark-core_2.13-4.0.0.jar'), '');
  const jar = '#!/bin/sh\ntouch "$3"\n';
  for (const [file, text] of Object.entries({ 'spark-submit': programs.submit, javac: programs.javac, jar })) {
    writeFileSync(join(home, 'bin', file), text);
    chmodSync(join(home, 'bin', file), 0o755);
  }
  process.env['JAVA_HOME'] = home;
  return home;
}

const asleep = (sleeper: string) => `#!/bin/sh\nexec '${sleeper}'\n`;

/** The places by file of src. Those that start a program of Headrace get the sleeper in place of Node. */
export const places: Readonly<Record<string, Place>> = {
  'site/history-process.ts': {
    start: ({ folder }) => {
      const message = { asked: { path: join(folder, 'set.parquet') } } as ToHistoryWorker;
      return new HistoryProcesses(entry, [], () => undefined).run(message, {});
    },
  },
  'site/judge-files/judge-process.ts': {
    start: ({ folder }) => {
      const judgement = { kind: 'gpu', options: { device: null } } as const;
      const asked = { judgement, folder, form: join(folder, 'form'), type: '', html: false };
      return judgeFiles(asked, new AbortController().signal);
    },
  },
  'server/routes/files.ts': { leftOut: 'it makes a temporary folder only' },
  'cli/serve/served-children.ts': {
    start: (place) => startRegistryChild(call(place), null),
    startAnother: (place) => startMonitor(call(place), () => undefined),
  },
  'cli/scaffold/install-packages.ts': {
    start: ({ folder, sleeper }) =>
      installPackages(folder, {
        manager: packageManager(''),
        program: [sleeper],
        signal: new AbortController().signal,
      }),
  },
  'cli/serve/run-dev.ts': { start: (place) => runDev(call(place)) },
  'running/asked-by.ts': { start: () => askedBy({ url: '', bodies: [], count: 0 }) },
  'cli/npm-launcher.ts': { leftOut: 'it waits for ps, which ends by itself' },
  'cli/serve/serve-group.ts': { leftOut: 'a test kills a whole group' },
  'cli/commands/drift-replay.ts': { leftOut: 'it makes a temporary folder only' },
  'gpu/readers/read-source.ts': { leftOut: 'it makes a temporary folder only' },
  'featurestore/scratch-files.ts': { leftOut: 'it makes a temporary folder only' },
  'running/measure-modes.ts': { leftOut: 'it makes a temporary folder only' },
  'serving/batch/worker-process.ts': {
    start: () =>
      new BatchWorker({ path: entry, args: [] }, { kind: 'open' } as never, {
        onMessage: () => undefined,
        onEnd: () => undefined,
      }),
  },
  'gpu/watch.ts': {
    start: ({ sleeper }) => watchDmon({ command: [sleeper], window: 1, every: 1 }, () => undefined, never),
  },
  'backends/slurm/training-backend.ts': {
    start: ({ folder, sleeper }) => {
      mkdirSync(join(folder, 'slurm'), { recursive: true });
      writeFileSync(join(folder, 'slurm', 'sbatch'), asleep(sleeper), { mode: 0o755 });
      process.env['PATH'] = `${join(folder, 'slurm')}:${process.env['PATH']}`;
      const resources = {
        nodes: 1,
        cpus: 1,
        memoryGib: 1,
        gpusPerNode: 0,
        partition: undefined,
        seconds: 1,
        graceSeconds: 1,
      };
      const backend = new SlurmTrainingBackend({
        folder: join(folder, 'gangs'),
        resources: { ...resources, requeue: true },
      });
      return backend.submit({ id: 'late-1', command: ['true'], directory: folder, ranks: [{}] });
    },
  },
  'backends/onnx/onnx-processes.ts': { start: () => onnxProcesses.load(new Uint8Array([1])) },
  'backends/onnx/try-out.ts': { start: () => tryOutOnnx(new Uint8Array([1])) },
  'backends/python/worker-process.ts': {
    start: ({ folder, sleeper }) =>
      new PythonWorker(
        {
          of: { model: 'late', version: 1 },
          command: [sleeper],
          env,
          cwd: folder,
          limits: { memoryBytes: 2 ** 30, processes: 4, frameBytes: 2 ** 20 },
        },
        () => undefined,
      ),
  },
  'backends/python/run-program.ts': {
    start: ({ folder, sleeper }) =>
      runProgram({
        command: sleeper,
        args: [],
        env,
        cwd: folder,
        limitMs: DAY_MS,
        signal: new AbortController().signal,
      }),
  },
  'backends/skypilot/sky-command.ts': { start: ({ sleeper }) => runSky(sleeper, ['jobs', 'queue'], DAY_MS) },
  'backends/spark/session.ts': {
    start: (place) => {
      const javac = '#!/bin/sh\necho javac 17.0.1\n';
      const home = spark(place, 'session', { submit: asleep(place.sleeper), javac });
      return SparkApplication.start(
        { home, master: 'local[1]', conf: {} },
        join(place.folder, 'jars'),
        () => undefined,
      );
    },
  },
  'backends/spark/installation.ts': {
    start: (place) => {
      const home = spark(place, 'installation', { submit: '', javac: asleep(place.sleeper) });
      return findInstallation({ home, directory: join(place.folder, 'others'), program: historyRunner });
    },
  },
  'backends/spark/tile-driver.ts': { leftOut: 'the driver outlives its starter: headrace tiles stop ends it' },
  'backends/local/rank-process.ts': {
    start: ({ folder, sleeper }) =>
      RankProcess.start({ command: [sleeper], directory: folder, environment: env, log: join(folder, 'rank.log') }),
  },
  'cost/catalog/refresh-prices.ts': {
    start: ({ folder, sleeper }) => refreshPrices({ command: [sleeper], from: folder, store: folder, nowMs: 0 }),
  },
  'cost/catalog/import-prices.ts': {
    start: ({ folder, sleeper }) => {
      mkdirSync(join(folder, 'git'), { recursive: true });
      writeFileSync(join(folder, 'git', 'git'), asleep(sleeper), { mode: 0o755 });
      process.env['PATH'] = `${join(folder, 'git')}:${process.env['PATH']}`;
      return commitOf(folder);
    },
  },
  'cost/evidence/machine-hardware.ts': {
    start: ({ folder, sleeper }) => {
      mkdirSync(join(folder, 'smi'), { recursive: true });
      writeFileSync(join(folder, 'smi', 'nvidia-smi'), asleep(sleeper), { mode: 0o755 });
      process.env['PATH'] = `${join(folder, 'smi')}:${process.env['PATH']}`;
      return machineHardware();
    },
  },
  'cost/profile/measure-job.ts': {
    start: ({ sleeper }) =>
      runMeasured({ command: [sleeper], environment: {}, mode: 'real', limitMs: DAY_MS, stopped: never }),
  },
};

/** All starts of all places. */
export const starts: readonly Start[] = Object.values(places).flatMap((place) =>
  'start' in place ? [place.start, ...(place.startAnother === undefined ? [] : [place.startAnother])] : [],
);
