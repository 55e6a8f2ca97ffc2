// @module-tag deep
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { buildConsole } from '../../scripts/build-console.ts';
import { NOTEBOOK } from '../../scripts/notebook-page.ts';
import { root, runCommand } from '../../scripts/run-command.ts';
import { compareText } from '../../src/base/text-order.ts';
import { ended, initProject, spawnCli, startCli } from '../cli/run-cli.ts';
import { addressOf } from './addresses.ts';

/** Runs a notebook in its folder, in a kernel of this Python, and writes it with its outputs. A cell that fails ends it. */
const EXECUTE = `
import nbformat
from nbclient import NotebookClient
notebook = nbformat.read("first-day.ipynb", as_version=4)
NotebookClient(notebook, timeout=300, kernel_name="python3", record_timing=False).execute()
for cell in notebook.cells:
    for output in cell.get("outputs", []):
        # The page of a report is in the notebook that a person runs; the documentation shows the text.
        assert output.output_type != "error"
        output.get("data", {}).pop("text/html", None)
nbformat.write(notebook, "first-day.ipynb")
`;

interface Cell {
  readonly cell_type: string;
  readonly source: readonly string[];
  readonly outputs?: readonly { readonly output_type: string; readonly data?: Readonly<Record<string, unknown>> }[];
}

/** The notebook shows the page of a report. */
beforeAll(async () => {
  expect(await buildConsole()).toMatchObject({ code: 0 });
}, 600_000);

/** `HEADRACE_NOTEBOOK=FILE` keeps what was run: after a change of a cell it becomes the notebook of the repository. */
test('the notebook of the first day runs in Jupyter against the project of a template', async () => {
  const [interpreter = ''] = addressOf('PYTHON_CLIENT_3');
  const folder = mkdtempSync(join(tmpdir(), 'headrace-notebook-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const project = await initProject(folder, 'shop');
  for (const source of ['visits', 'purchases'])
    expect(await spawnCli(project, ['ingest', source, `data/${source}.csv`, '--bootstrap'])).toMatchObject({ code: 0 });
  // The trainer of the project is a program of this Python.
  const path = `${dirname(interpreter)}:${process.env['PATH']}`;
  const server = startCli(project, ['serve', '--port', '0', '--json'], { PATH: path });
  const closed = ended(server);
  const [line]: unknown[] = await once(server.stdout ?? server, 'data');
  const { url } = JSON.parse(String(line)) as { readonly url: string };
  copyFileSync(`${root}/${NOTEBOOK}`, join(project, 'first-day.ipynb'));
  const env = { HEADRACE_URL: url, PYTHONPATH: `${root}/clients/python/src`, PYTHONDONTWRITEBYTECODE: '1', PATH: path };
  const { code, output } = await runCommand(interpreter, ['-c', EXECUTE], { cwd: project, env, limitMs: null });
  server.kill('SIGTERM');
  await closed;
  expect(code, output.slice(-4_000)).toBe(0);
  const cellsOf = (file: string) =>
    (JSON.parse(readFileSync(file, 'utf8')) as { readonly cells: readonly Cell[] }).cells;
  const shapes = (cells: readonly Cell[]) =>
    cells.map(({ source, outputs = [] }) => ({
      source,
      outputs: outputs.map(({ output_type: type, data = {} }) => [type, Object.keys(data).sort(compareText)]),
    }));
  const made = cellsOf(join(project, 'first-day.ipynb'));
  const keep = process.env['HEADRACE_NOTEBOOK'];
  if (keep !== undefined) copyFileSync(join(project, 'first-day.ipynb'), keep);
  // What is shown in the documentation has the outputs of a run: the same cells, and as many of each kind.
  expect(shapes(made)).toEqual(shapes(cellsOf(`${root}/${NOTEBOOK}`)));
});
