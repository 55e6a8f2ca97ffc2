import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { allLabs } from '../../src/labs/all-labs.ts';
import type { LabReport } from '../../src/labs/lab-report.ts';
import { lastJson, runCli, startCli } from '../cli/run-cli.ts';
import { isDeep } from '../runs.ts';
import { until } from '../until.ts';

// It takes minutes: `npm run test:deep` runs it.
test.runIf(isDeep)(
  'the command solves every lab of a server that the command started, each by its least measured loss',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'headrace-solve-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const server = startCli(folder, ['labs', '--port', '0', '--json']);
    onTestFinished(() => void server.kill('SIGKILL'));
    let said = '';
    server.stdout?.on('data', (bytes: Buffer) => {
      said += bytes.toString();
    });
    await until(() => said.includes('\n') || server.exitCode !== null);
    const { url, labs: page } = JSON.parse(said.trim()) as { readonly url: string; readonly labs: string };
    expect(page).toBe(`${url}/#/labs`);
    const solved = await runCli(folder, ['labs', 'solve', '--server', url, '--json']);
    expect(solved, solved.err).toMatchObject({ code: 0 });
    const { labs } = lastJson(solved) as { readonly labs: readonly LabReport[] };
    expect(labs.map(({ id }) => id)).toEqual(allLabs.map(({ id }) => id));
    for (const { id, steps, answer, isComplete } of labs) {
      expect(isComplete, id).toBe(true);
      expect(answer?.map(({ title }) => title.split(':')[0])).toEqual([
        'Requirements',
        'Design',
        'Trade-offs',
        'Failure modes',
        'Measures',
      ]);
      for (const { choices, tried } of steps)
        expect(choices.find((one) => one.id === tried.at(-1))).toMatchObject({ verdict: 'supported' });
    }
    expect(await (await fetch(`${url}/v1/labs`)).json()).toMatchObject({ completed: allLabs.length });
  },
  1_200_000,
);
