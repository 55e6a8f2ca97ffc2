import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { STOPPED_EXIT } from '../../src/base/errors/exit-codes.ts';
import { hasEnded } from '../has-ended.ts';
import { until } from '../until.ts';
import { ended, lastJson, runCli, startCli } from './run-cli.ts';

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'headrace-ctrl-c-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Programs that write their number to a file, and never end, in place of those that a call starts. */
function hanging(folder: string, name: string): { readonly path: string; readonly pid: () => number } {
  const [bin, mark] = [join(folder, 'bin'), join(folder, `${name}.pid`)];
  mkdirSync(bin);
  const script = `#!/bin/sh\necho $$ > '${mark}.new'\nmv '${mark}.new' '${mark}'\nexec sleep 3600\n`;
  writeFileSync(join(bin, name), script, { mode: 0o755 });
  return {
    path: [bin, process.env['PATH']].join(delimiter),
    pid: () => Number(readFileSync(mark, 'utf8')),
  };
}

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s while npm installs ends npm, and the files that are made stay whole',
  async (signal) => {
    const folder = newFolder();
    const npm = hanging(folder, 'npm');
    const call = startCli(folder, ['init', 'mine', '--template', 'gpu', '--install', '--json'], { PATH: npm.path });
    const end = ended(call);
    await until(() => readdirSync(folder).includes('npm.pid'));
    call.kill(signal);
    const stopped = await end;
    expect(stopped).toMatchObject({
      code: STOPPED_EXIT,
      err: expect.stringContaining('run npm install in that folder'),
    });
    expect(lastJson(stopped)).toMatchObject({ error: { code: 'INIT_STOPPED' } });
    await until(() => hasEnded(npm.pid()));
    const whole = newFolder();
    expect(await runCli(whole, ['init', 'mine', '--template', 'gpu'])).toMatchObject({ code: 0 });
    const filesOf = (place: string) => readdirSync(join(place, 'mine'), { recursive: true }).sort();
    expect(filesOf(folder)).toEqual(filesOf(whole));
  },
);
