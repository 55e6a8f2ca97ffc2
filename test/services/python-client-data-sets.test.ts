// @module-tag deep
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runCommand } from '../../scripts/run-command.ts';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { openSqliteRegistry, registryFile } from '../../src/site/open-registry.ts';
import { lastJson, spawnCli } from '../cli/run-cli.ts';
import { batchSite } from '../inference/batch-site.ts';
import { classifierFile } from '../inference/classifier-file.ts';
import { logModel } from '../inference/logged-onnx.ts';
import { addressOf } from './addresses.ts';

/** A partitioned folder of 999 rows, with a column of categories. */
const WRITE = `
import pandas
n = range(999)
city = pandas.Categorical([["Zürich", "a b", "x/y"][i % 3] for i in n])
rows = {"id": n, "petal": [i % 9 / 4 for i in n], "sepal": [i % 5 / 2 - 1 for i in n], "city": city, "year": [2020 + i % 2 for i in n]}
pandas.DataFrame(rows).to_parquet("data", partition_cols=["year"])
`;

/** Every row is there once, with its folders as columns, however the output lies. */
const READ = `
import pandas
plain, parts = pandas.read_parquet("plain"), pandas.read_parquet("parts")
assert sorted(plain.id) == list(range(999)) == sorted(parts.id), "rows"
assert (plain.year == 2020 + plain.id % 2).all(), "years"
assert plain.city.tolist() == [["Zürich", "a b", "x/y"][i % 3] for i in plain.id], "cities"
both = plain.merge(parts, on="id", suffixes=("", "_parts"))
assert (both.city == both.city_parts.astype(str)).all(), "folders"
classes = ["probabilities_a", "probabilities_b", "probabilities_c"]
assert (plain[classes].dtypes == "float32").all() and (plain[classes].sum(axis=1) - 1).abs().max() < 1e-6, "classes"
assert (plain[classes].idxmax(axis=1).str[-1] == plain.label).all(), "labels"
`;

test.for([
  ['pandas 2', 'PYTHON_CLIENT_2'],
  ['pandas 3', 'PYTHON_CLIENT_3'],
] as const)(
  'a folder that %s partitioned is scored, and the folders of the scores are read by it',
  async ([, variable]) => {
    const [interpreter = ''] = addressOf(variable);
    const site = await batchSite();
    const folder = mkdtempSync(join(tmpdir(), 'headrace-frames-'));
    onTestFinished(() => {
      for (const one of [site, folder]) rmSync(one, { recursive: true, force: true });
    });
    const registry = openSqliteRegistry(registryFile(site));
    const artifacts = new FileArtifactStore(join(site, 'artifacts'));
    await logModel(registry, artifacts, {
      model: 'abc',
      onnx: classifierFile(['a', 'b', 'c']),
      columns: ['petal', 'sepal'],
    });
    await registry.close();
    const python = async (program: string) => {
      const { code, output } = await runCommand(interpreter, ['-c', program], { cwd: folder, env: {}, limitMs: null });
      expect(code, output.slice(-2_000)).toBe(0);
    };
    await python(WRITE);
    for (const [out, ...more] of [['plain'], ['parts', '--partition-by', 'city']] as const) {
      const words = ['models:/abc/1', 'data', '--out', out, '--registry', site, '--json', ...more];
      expect(lastJson(await spawnCli(folder, ['predict', ...words]))).toMatchObject({ rows: 999, quarantined: 0 });
    }
    await python(READ);
  },
);
