import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { OnnxGraph } from '../../../src/training/onnx-export/onnx-graph.ts';
import { NOTHING } from '../nothing.ts';

// A training program whose model answers one of its inputs as it is: the one whose place the input `pick` says.
const path = process.env['HEADRACE_JOB'] ?? 'job.json';
const job = JSON.parse(readFileSync(path, 'utf8')) as { features: string[]; trainingSet: string };

const pick = job.features.indexOf('pick');
const graph = new OnnxGraph();
const INT64 = 7;
const wanted = graph.node('Gather', ['x', graph.integers([pick])], { axis: 1 });
const place = graph.node('Cast', [wanted], { to: INT64 });
const found = graph.node('GatherElements', ['x', place], { axis: 1 });
const whole = graph.node('Where', [graph.node('IsNaN', [found]), graph.floats([NOTHING], [1]), found]);
graph.node('Squeeze', [whole, graph.integers([1])], {}, { output: 'y' });
writeFileSync(join(dirname(path), 'model.onnx'), graph.finish('x', job.features.length, 'y'));

const connection = await (await DuckDBInstance.create(':memory:')).connect();
const select = job.features.map((name) => {
  const [, list, at] = /^(.+)\[(\d+)\]$/.exec(name) ?? [];
  return `CAST(${at === undefined ? `"${name}"` : `"${list}"[${Number(at) + 1}]`} AS FLOAT)`;
});
const read = await connection.runAndReadAll(`SELECT ${select.join(', ')} FROM read_parquet('${job.trainingSet}')`);
const rows = read.getRows().map((row) => row.map((cell) => (cell === null ? null : Number(cell))));
const parity = { rows, scores: rows.map((row) => row[Number(row[pick])] ?? NOTHING) };
const result = { format: 1, model: 'model.onnx', input: 'x', output: 'y', features: job.features, metrics: {}, parity };
writeFileSync(join(dirname(path), 'result.json'), JSON.stringify(result));
