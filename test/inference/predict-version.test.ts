import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { isNumberType, type NumberType, WHOLE_RANGES } from '../../src/model/number-type.ts';
import { elementsOf, type Tensor, type TensorType, tensorArrays } from '../../src/schema/tensor.ts';
import { startBatch } from '../../src/serving/batch/start-batch.ts';
import { openSqliteRegistry, registryFile } from '../../src/site/open-registry.ts';
import { lastJson, runCli } from '../cli/run-cli.ts';
import { isDeep } from '../runs.ts';
import { identityFile, onnxFile } from '../serving/onnx-files.ts';
import { servingData, skipNote } from '../serving/serving-data.ts';
import { batchSite, siteContext, sql } from './batch-site.ts';
import { classifierFile } from './classifier-file.ts';
import { logModel } from './logged-onnx.ts';
import { predictHere, served } from './predict-site.ts';

/** Versions of the registry, scored from an empty folder without a configuration, as the server of the same registry answers them. */
let root: string;
let site: string;

const CLASSES = ['setosa', 'versi color', 'virginica'];

/** Types that a column can fill, and columns of two texts. */
const TYPES = Object.keys(tensorArrays).filter((type): type is NumberType => isNumberType(type as TensorType));

beforeAll(async () => {
  site = await batchSite();
  root = mkdtempSync(join(tmpdir(), 'headrace-predict-'));
  const registry = openSqliteRegistry(registryFile(site));
  const artifacts = new FileArtifactStore(join(site, 'artifacts'));
  const log = async (model: string, onnx: Uint8Array, columns: readonly string[] | null) => {
    await logModel(registry, artifacts, { model, onnx: Uint8Array.from(onnx), columns });
    await registry.moveAlias(model, 'live', { expected: 'any', to: 1, at: 0 });
  };
  await log('flowers', classifierFile(CLASSES), ['petal', 'sepal']);
  await log('numbered', classifierFile([7, 0, 300]), ['petal', 'sepal']);
  await log('every', everyType(), null);
  await log('words', identityFile('BYTES'), ['city', 'note']);
  await registry.close();
});

afterAll(() => {
  rmSync(root, { recursive: true, force: true });
  rmSync(site, { recursive: true, force: true });
});

/** An output for each input: one value of each type of numbers, and two texts. */
function everyType(): Uint8Array {
  const names = [...TYPES, 'BYTES'] as const;
  return onnxFile(
    names.map((type) => [`in_${type}`, type, ['n', type === 'BYTES' ? 2 : 1]]),
    names.map((type) => ['Identity', [`in_${type}`], `out_${type}`]),
    names.map((type) => [`out_${type}`, type, ['n', type === 'BYTES' ? 2 : 1]]),
  );
}

/** Values at the ends of each type, as texts of SQL. */
function edges(type: NumberType): readonly string[] {
  if (type === 'FP32') return ['0.1', '-0.0', '1e-45', '3.4028234e38', 'NULL', '16777217'];
  if (type === 'FP64') return ['0.1', '-0.0', '5e-324', '1.7976931348623157e308', 'NULL', '9007199254740993'];
  const [least, greatest] = WHOLE_RANGES[type];
  return [String(least), String(greatest), '0', '1', String(greatest - 1n), '1'];
}

const DUCK = { FP32: 'FLOAT', FP64: 'DOUBLE', UINT64: 'UBIGINT', BOOL: 'UTINYINT' } as const;
const duckOf = (type: NumberType) => (type in DUCK ? DUCK[type as keyof typeof DUCK] : 'BIGINT');

/** A text keeps the sign of zero. */
const quoted = (text: string) => (text === 'NULL' ? text : `'${text}'`);

const WORDS = ["'plain'", "''", "'Zürich 🚋'", "'a''b\"c,d'", "'  spaces '", "'True'"];

async function writeEdges(path: string): Promise<void> {
  const rows = WORDS.map((word, i) => {
    const numbers = TYPES.map((type) => `CAST(${quoted(edges(type)[i])} AS ${duckOf(type)}) AS "in_${type}"`);
    return `SELECT ${i} AS id, ${numbers.join(', ')}, [${word}, 'second'] AS "in_BYTES"`;
  });
  await sql(`COPY (${rows.join(' UNION ALL ')}) TO '${path}' (FORMAT parquet)`);
}

test('outputs of every type have the bits that the server answers for the same rows', async () => {
  const from = join(root, 'edges.parquet');
  await writeEdges(from);
  const to = join(root, 'edges');
  expect(await predictHere(site, 'models:/every/1', from, '--out', to)).toMatchObject({
    model: 'every',
    version: 1,
    rows: 6,
    quarantined: 0,
    isNew: true,
  });

  const inputs = TYPES.map((type): Tensor => {
    const numbers = edges(type).map((text) => (text === 'NULL' ? Number.NaN : Number(text)));
    const Elements = tensorArrays[type];
    const data =
      Elements === BigInt64Array || Elements === BigUint64Array
        ? Elements.from(edges(type).map(BigInt))
        : Reflect.construct(Elements, [numbers]);
    return { name: `in_${type}`, type, shape: [6, 1], data };
  });
  const texts = WORDS.flatMap((word) => [word.slice(1, -1).replaceAll("''", "'"), 'second']);
  const words = {
    name: 'in_BYTES',
    type: 'BYTES',
    shape: [6, 2],
    data: texts.map((text) => Buffer.from(text)),
  } as const;
  const outputs = [...TYPES, 'BYTES' as const].map((type) => ({ name: `out_${type}`, type, shape: [] }));
  const answers = await served(site, 'every', [...inputs, words], outputs);

  const read = `read_parquet('${to}/*.parquet')`;
  for (const type of TYPES) {
    const found = (await sql(`SELECT "out_${type}" FROM ${read} ORDER BY _row`)).map(([value]) => value);
    const expected = [...answers[`out_${type}`].data].map((value) => (type === 'BOOL' ? value === 1 : value));
    expect(
      found.map((value) => (typeof value === 'bigint' ? String(value) : value)),
      type,
    ).toEqual(expected.map((value) => (typeof value === 'bigint' ? String(value) : value)));
    for (const [i, value] of found.entries())
      if (typeof value === 'number') expect(Object.is(value, Number(answers[`out_${type}`].data[i])), type).toBe(true);
  }
  const lists = await sql(`SELECT "out_BYTES"[1], "out_BYTES"[2] FROM ${read} ORDER BY _row`);
  expect(lists.flat()).toEqual(
    [...answers['out_BYTES'].data].map((bytes) => Buffer.from(bytes as Uint8Array).toString()),
  );
});

test('a classifier has a column for each class, named by it, and its label, from a folder that DuckDB partitioned', async () => {
  const data = join(root, 'flowers');
  const rows = `SELECT i AS id, (i % 9) / 4.0 AS petal, (i % 5) / 2.0 - 1 AS sepal, 2020 + i % 2 AS year FROM range(1000) t(i)`;
  await sql(`COPY (${rows}) TO '${data}' (FORMAT parquet, PARTITION_BY (year))`);
  const to = join(root, 'classes');
  const words = ['models:/flowers@live', data, '--out', to, '--registry', site, '--json'];
  expect(lastJson(await runCli(root, ['predict', ...words]))).toMatchObject({ rows: 1000, quarantined: 0 });
  expect(readdirSync(to).filter((name) => !name.startsWith('part-'))).toEqual(['_SUCCESS', '_headrace.json']);
  const found = await sql(
    `SELECT id, year, label, probabilities_setosa, "probabilities_versi color", probabilities_virginica
     FROM read_parquet('${to}/*.parquet') ORDER BY _row`,
  );
  expect(found.length).toBe(1000);

  const ids = found.map(([id]) => Number(id));
  expect([...ids].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  expect(found.map(([, year]) => Number(year))).toEqual(ids.map((id) => 2020 + (id % 2)));
  const X = Float32Array.from(ids.flatMap((id) => [(id % 9) / 4, (id % 5) / 2 - 1]));
  const answers = await served(
    site,
    'flowers',
    [{ name: 'X', type: 'FP32', shape: [1000, 2], data: X }],
    [
      { name: 'label', type: 'BYTES', shape: [] },
      { name: 'probabilities', type: 'FP32', shape: [] },
    ],
  );
  expect(found.map(([, , label]) => label)).toEqual(
    [...answers['label'].data].map((text) => Buffer.from(text as Uint8Array).toString()),
  );
  expect(found.flatMap((row) => row.slice(3))).toEqual([...answers['probabilities'].data]);
});

test('labels of whole numbers name columns too, and an output alone can be chosen', async () => {
  const from = join(root, 'two.csv');
  await sql(`COPY (SELECT 1.5 AS petal, -1 AS sepal, 'x' AS note) TO '${from}' (FORMAT csv, HEADER)`);
  const to = join(root, 'numbered');
  await predictHere(site, 'models:/numbered/1', from, '--out', to, '--outputs', 'probabilities');
  const columns = await sql(`DESCRIBE FROM '${to}/*.parquet'`);
  expect(columns.map(([name]) => name)).toEqual([
    '_row',
    'note',
    'probabilities_7',
    'probabilities_0',
    'probabilities_300',
    'model_version',
    'artifact_digest',
    'job_id',
  ]);
});

test('texts of CSV are fed as they are written, and a row whose text is missing is rejected alone', async () => {
  const from = join(root, 'words.csv');
  const rows = Array.from({ length: 200 }, (_, i) => `(${i}, ${i === 3 ? 'NULL' : "'True'"}, 'n ${i}')`).join(', ');
  await sql(`COPY (FROM (VALUES ${rows}) AS t(id, city, note)) TO '${from}' (FORMAT csv, HEADER)`);
  const to = join(root, 'words');
  expect(await predictHere(site, 'models:/words/1', from, '--out', to)).toMatchObject({ rows: 200, quarantined: 1 });
  const found = await sql(`SELECT CAST(_row AS INTEGER), OUT FROM '${to}/*.parquet' ORDER BY _row LIMIT 4`);
  expect(found.map(([row]) => row)).toEqual([0, 1, 2, 4]);
  expect(JSON.stringify(found[3][1])).toContain('["True","n 4"]');
  const rejected = readFileSync(join(to, '_quarantine', 'part-00000.ndjson'), 'utf8');
  expect(JSON.parse(rejected)).toMatchObject({
    row: 3,
    code: 'PREDICT_CELL',
    reason: 'column "city" is empty, and BYTES has no missing text',
    features: { city: null, note: 'n 3' },
  });
});

describe.skipIf(!existsSync(servingData))(`models of other programs (${skipNote})`, () => {
  const models = [
    ['digits_mlp', 'trained/digits_mlp', 'input', 'FP32', [64], 'probabilities'],
    ['strings', 'triton/simple_string/1/model', 'INPUT0', 'BYTES', [16], 'OUTPUT0'],
    ['integers', 'triton/simple/1/model', 'INPUT0', 'INT32', [16], 'OUTPUT1'],
    ['mnist', 'public/mnist', 'Input3', 'FP32', [1, 28, 28], 'Plus214_Output_0'],
  ] as const;

  // In the gate lists of texts and of several dimensions: a test above has columns of every type.
  test.each(models.filter(([name]) => isDeep || name === 'strings' || name === 'mnist'))(
    'lists of %s are fed and written as the server answers them',
    async (name, file, input, type, shape, output) => {
      const onnx = Uint8Array.from(readFileSync(new URL(`models/${file}.onnx`, servingData)));
      const { registry, artifacts } = siteContext(site);
      await logModel(registry, artifacts, { model: name, onnx, columns: null });
      const size = elementsOf(shape);
      const rows = name === 'mnist' ? 1 : 5;
      const value = (k: number) => (k * 7919) % 17;
      const from = join(root, `${name}.parquet`);
      const duck = { FP32: 'FLOAT', INT32: 'INTEGER', BYTES: 'VARCHAR' }[type];
      const list = (row: number) => Array.from({ length: size }, (_, i) => value(row * size + i));
      const cells = (row: number) => {
        const first = `CAST([${list(row).join()}] AS ${duck}[])`;
        return name === 'strings' || name === 'integers'
          ? `${first} AS INPUT0, ${first} AS INPUT1`
          : `${first} AS ${input}`;
      };
      const selects = Array.from({ length: rows }, (_, row) => `SELECT ${row} AS id, ${cells(row)}`);
      await sql(`COPY (${selects.join(' UNION ALL ')}) TO '${from}' (FORMAT parquet)`);
      const to = join(root, `${name}-out`);
      expect(await predictHere(site, `models:/${name}/1`, from, '--out', to)).toMatchObject({ rows, quarantined: 0 });
      const all = Array.from({ length: rows }, (_, row) => list(row)).flat();
      const data =
        type === 'BYTES'
          ? all.map((one) => Buffer.from(String(one)))
          : type === 'INT32'
            ? Int32Array.from(all)
            : Float32Array.from(all);
      const names = name === 'strings' || name === 'integers' ? ['INPUT0', 'INPUT1'] : [input];
      const inputs = names.map((one) => ({ name: one, type, shape: [rows, ...shape], data }) as Tensor);
      const answers = await served(site, name, inputs, [{ name: output, type, shape: [] }]);
      const items = `SELECT _row, UNNEST("${output}") AS item, GENERATE_SUBSCRIPTS("${output}", 1) AS place FROM '${to}/*.parquet'`;
      const found = await sql(`SELECT item FROM (${items}) ORDER BY _row, place`);
      const expected = [...answers[output].data].map((one) =>
        one instanceof Uint8Array ? Buffer.from(one).toString() : one,
      );
      expect(found.flat()).toEqual(expected);
    },
  );
});

test('a version that a training job made is scored by its own signature', async () => {
  const { features } = (await siteContext(site).registry.version('small', 1)).signature;
  const from = join(root, 'small.parquet');
  await sql(
    `COPY (SELECT ${features.map((name, i) => `i / ${i + 1}.0 AS "${name}"`).join(', ')} FROM range(3) t(i)) TO '${from}'`,
  );
  const to = join(root, 'small');
  await predictHere(site, 'models:/small@champion', from, '--out', to);
  expect(await sql(`SELECT COUNT(*), MIN(model_version) FROM '${to}/*.parquet'`)).toEqual([[3n, 1]]);
});

test.each([
  ['an alias that is absent', ['models:/flowers@none', 'a.csv', '--out', 'o'], 'REGISTRY_ALIAS'],
  ['a version that is absent', ['models:/flowers/9', 'a.csv', '--out', 'o'], 'REGISTRY_VERSION'],
  ['a stage', ['models:/flowers/Production', 'a.csv', '--out', 'o'], 'CLI_VALUE'],
  ['a spine', ['models:/flowers/1', 'a.csv', '--out', 'o', '--spine'], 'PREDICT_SPINE'],
  ['an engine', ['models:/flowers/1', 'a.csv', '--out', 'o', '--engine'], 'PREDICT_ENGINE_OUTPUTS'],
  ['a shadow', ['models:/flowers/1', 'a.csv', '--out', 'o', '--shadow', '2'], 'PREDICT_SHADOW'],
  ['an output that is absent', ['models:/flowers/1', 'a.csv', '--out', 'o', '--outputs', 'proba'], 'PREDICT_OUTPUTS'],
  ['no output folder', ['models:/flowers/1', 'a.csv'], 'CLI_OPTION'],
  ['two output folders', ['models:/flowers/1', 'a.csv', '--out', 'o', '--to', 'p'], 'CLI_OPTION'],
  ['no file', ['models:/flowers/1', '--out', 'o'], 'CLI_OPTION'],
  ['a number for a text', ['models:/words/1', 'n.parquet', '--out', 'o'], 'PREDICT_TEXT'],
])('%s is refused by its code', async (_, words, code) => {
  const folder = join(root, 'refused');
  mkdirSync(folder, { recursive: true });
  await sql(`COPY (SELECT 1 AS petal, 2 AS sepal) TO '${folder}/a.csv' (FORMAT csv, HEADER)`);
  await sql(`COPY (SELECT 1 AS city, 'x' AS note) TO '${folder}/n.parquet'`);
  const at = words.map((word) => (/^[aonp](\.|$)/.test(word) ? join(folder, word) : word));
  await expect(predictHere(site, ...at)).rejects.toMatchObject({ code });
  expect(existsSync(join(folder, 'o'))).toBe(false);
});

test('a folder without a registry is named', async () => {
  const { err } = await runCli(root, ['predict', 'models:/flowers/1', 'a.csv', '--out', 'o']);
  expect(err).toContain('PREDICT_REGISTRY');
  expect(err).toContain(join(root, '.headrace'));
});

test('an output of a name that the input has is refused', async () => {
  const from = join(root, 'same.parquet');
  await sql(`COPY (SELECT 1.5 AS petal, -1 AS sepal, 'x' AS label) TO '${from}'`);
  const options = { from, to: join(root, 'same'), version: 1, workers: 1 };
  const model = { kind: 'registered', name: 'flowers' } as const;
  await expect(startBatch(model, options, siteContext(site))).rejects.toMatchObject({ code: 'PREDICT_NAME' });
});
