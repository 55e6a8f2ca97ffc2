// @module-tag deep
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { telemetryOff } from '../../src/process/telemetry.ts';
import { canIsolate, namesAsked } from '../process/names-asked.ts';
import { addressOf } from './addresses.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const golden = here('../models/formats/logistic-1.onnx');

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'telemetry-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
});

/** Files that a library keeps of a user: an id, or a queue of reports. */
const kept = (files: readonly string[]) => files.filter((file) => /device|telemetry|\.mat|\.db$/i.test(file));

test.skipIf(!canIsolate)(
  'a training program with MLflow asks for no name and keeps no id (skipped without unshare)',
  { timeout: 300_000 },
  async () => {
    const [python = ''] = addressOf('MLFLOW_MODELS');
    const env = { PYTHONPATH: here('../../src/training/runner'), GIT_PYTHON_REFRESH: 'quiet' };
    const { names, files, out } = await namesAsked(folder, [python, here('python/use_mlflow.py'), folder], env);
    expect(out).toContain('predicted 4');
    expect({ names, kept: kept(files) }).toEqual({ names: [], kept: [] });
  },
);

const onnxPrograms = {
  Python: () => [addressOf('SPARK_SCORE_INTERPRETER')[0] ?? '', here('python/use_onnx.py'), golden],
  'a JVM': () => ['java', '-cp', addressOf('SPARK_ONNX_JARS').join(':'), here('java/UseOnnx.java'), golden],
};

test.skipIf(!canIsolate).each(Object.entries(onnxPrograms))(
  'ONNX Runtime of Spark in %s asks for no name and leaves no file with the variables of an executor (skipped without unshare)',
  { timeout: 300_000 },
  async (_, command) => {
    const { ORT_DISABLE_TELEMETRY } = telemetryOff;
    const { names, files, out } = await namesAsked(folder, command(), { ORT_DISABLE_TELEMETRY });
    expect(out).toContain('loaded ');
    expect({ names, kept: kept(files) }).toEqual({ names: [], kept: [] });
  },
);
