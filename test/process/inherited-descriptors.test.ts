import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { shielded } from '../../src/process/start-child.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { project } from '../server/shop.ts';

const LIST =
  "import { readdirSync, readlinkSync } from 'node:fs';" +
  "for (const name of readdirSync('/proc/self/fd')) try { console.log(name, readlinkSync('/proc/self/fd/' + name)); } catch {}";

test.skipIf(process.platform !== 'linux')(
  'a child of a process with open stores holds none of their files',
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'headrace-descriptors-'));
    const headrace = await openHeadrace({ project, environment: { directory, partitions: 1 } });
    onTestFinished(async () => {
      await headrace.close();
      rmSync(directory, { recursive: true, force: true });
    });
    const held = async (stdio: readonly ('ignore' | 'pipe' | number)[]) => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', LIST], { stdio: [...stdio] });
      const { stdout } = child;
      if (stdout === null) throw new Error('it has no output');
      const lines = (await text(stdout)).split('\n');
      return lines.filter((line) => line.includes(directory));
    };
    expect(await held(shielded(['ignore', 'pipe', 'ignore'] as const))).toEqual([]);
    // The shield is needed as long as a library opens its file for children, too.
    expect(await held(['ignore', 'pipe', 'ignore'])).not.toEqual([]);
  },
);
