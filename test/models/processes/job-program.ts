import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A training program that does what its job's option `do` says. */
const path = process.env['HEADRACE_JOB'] ?? '';
const job: { format: number; trainingSet: string; features: string[]; options: Record<string, unknown> } = JSON.parse(
  readFileSync(path, 'utf8'),
);

const result = {
  format: 1,
  model: 'model.onnx',
  input: 'features',
  output: 'probability',
  features: job.features,
  metrics: { directory: Number(process.cwd() === join(path, '..')), format: job.format },
  parity: { rows: [job.features.map(() => null)], scores: [0.5] },
};

const deeds: Readonly<Record<string, () => void>> = {
  succeed() {
    console.log('read 3 rows');
    console.error('a warning');
    process.stdout.write('last line without an end');
    writeFileSync('model.onnx', 'a model');
    writeFileSync('result.json', JSON.stringify(result));
  },
  change() {
    const rows = readFileSync(job.trainingSet);
    rows[rows.length >> 1] ^= 1;
    writeFileSync(job.trainingSet, rows);
    deeds.succeed();
  },
  fail() {
    for (let i = 0; i < 30; i += 1) console.log(`line ${i}`);
    console.error('ValueError: no such column');
    process.exitCode = 3;
  },
  nothing() {
    // Ends well and leaves no result.
  },
  rubbish() {
    writeFileSync('result.json', '{"format": 1,');
  },
  foreign() {
    writeFileSync('result.json', JSON.stringify({ ...result, features: ['unheard_of'] }));
  },
  outside() {
    writeFileSync('result.json', JSON.stringify({ ...result, model: '../model.onnx' }));
  },
  newer() {
    writeFileSync('result.json', JSON.stringify({ ...result, format: 2 }));
  },
  unequal() {
    writeFileSync('result.json', JSON.stringify({ ...result, parity: { rows: [[1]], scores: [] } }));
  },
  die() {
    process.kill(process.pid, 'SIGKILL');
  },
  flood() {
    process.stdout.write('x'.repeat(300_000));
    process.exitCode = 1;
  },
  hang() {
    // Holds the output open as well, as a worker of a Python library would.
    const { pid } = spawn('sleep', ['300'], { stdio: 'inherit' });
    console.log(`child ${pid}`);
    setInterval(() => undefined, 1000);
  },
};

deeds[String(job.options['do'])]();
