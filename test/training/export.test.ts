import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ownVersion } from '../../src/environment/own-version.ts';
import { parseExportJob, shellLine } from '../../src/training/export/export-job.ts';
import { exportKubernetes } from '../../src/training/export/export-kubernetes.ts';
import { exportRay } from '../../src/training/export/export-ray.ts';
import { exportSkypilot, packageOf } from '../../src/training/export/export-skypilot.ts';
import { exportSlurm } from '../../src/training/export/export-slurm.ts';

const given = {
  version: 1,
  name: 'late',
  command: ['python3', 'train.py'],
  steps: 1000,
  image: 'late:3',
  claim: 'late-runs',
  directory: '/data/late',
};
const targets = { exportSlurm, exportKubernetes, exportSkypilot, exportRay };

const word = fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' }).filter((text) => !/[\0\r\n]/.test(text));

test('a shell reads the words of a command back, whatever they hold', () => {
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 6 }), (words) => {
      const printed = execFileSync('sh', ['-c', `printf '%s\\n' ${shellLine(words)}`], { encoding: 'utf8' });
      expect(printed.split('\n').slice(0, -1)).toEqual(words);
    }),
    { numRuns: 30 },
  );
});

test('a batch script runs the controller with each word of a command, and nothing else', () => {
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), (command) => {
      const { text } = exportSlurm(parseExportJob({ ...given, command, directory: '/tmp' }));
      const script = `headrace() { printf '%s\\n' "$@"; }\nscontrol() { :; }\n${text}`;
      const printed = execFileSync('bash', ['-c', script], { encoding: 'utf8' }).split('\n').slice(0, -1);
      expect(printed.slice(printed.indexOf('--') + 1)).toEqual(command);
    }),
    { numRuns: 20 },
  );
});

test.each(Object.entries(targets))(
  '%s has the controller, and a warning where a deadline cannot be said',
  (_, write) => {
    const plain = write(parseExportJob(given));
    expect(plain.text.replaceAll(/[\s",-]+/g, ' ')).toMatch(
      /headrace train run directory ("?\$folder"?|\/data\/late) steps 1000/,
    );
    expect(plain.warnings.join()).not.toContain('deadline');
    const late = write(parseExportJob({ ...given, spot: true, deadlineHours: 5 }));
    expect(late.warnings.join()).toContain('deadline');
  },
);

test('a disrupted pod is not counted, and an error of the program ends the job', () => {
  const { text } = exportKubernetes(parseExportJob({ ...given, queue: 'team', gpus: 2 }));
  expect(text).toContain('type: "DisruptionTarget"');
  expect(text).toContain('action: "FailJob"');
  expect(text).toContain('kueue.x-k8s.io/queue-name: "team"');
  expect(text).toContain('nvidia.com/gpu: "2"');
});

test.each([
  ['a name with blanks', { name: 'a b' }],
  ['a name that ends the line', { name: 'a\n#SBATCH --wrap=x' }],
  ['a directory with a line break', { directory: '/a\nb' }],
  ['a relative directory', { directory: 'a' }],
  ['a command with a line break', { command: ['a\nb'] }],
  ['no command', { command: [] }],
  ['a hostile image', { image: 'x"\nprivileged: true' }],
  ['a hostile partition', { partition: 'a\n#SBATCH -x' }],
  ['zero steps', { steps: 0 }],
  ['an unknown member', { nodes: 4 }],
])('%s is EXPORT_JOB', (_, change) => {
  expect(() => parseExportJob({ ...given, ...change })).toThrow(expect.objectContaining({ code: 'EXPORT_JOB' }));
});

test('Kubernetes needs an image and a claim', () => {
  for (const member of ['image', 'claim'])
    expect(() => exportKubernetes(parseExportJob({ ...given, [member]: undefined }))).toThrow(
      expect.objectContaining({ code: 'EXPORT_JOB' }),
    );
});

test('a machine of SkyPilot installs the tarball that this package came from, otherwise the same version', () => {
  const root = mkdtempSync(join(tmpdir(), 'headrace-export-'));
  try {
    const tarball = join(root, 'headrace-0.2.0.tgz');
    writeFileSync(tarball, '');
    mkdirSync(join(root, 'app', 'node_modules', 'headrace'), { recursive: true });
    const own = join(root, 'app', 'node_modules', 'headrace');
    const setupOf = (resolved: string) => {
      const packages = { 'node_modules/headrace': { resolved } };
      writeFileSync(join(root, 'app', 'node_modules', '.package-lock.json'), JSON.stringify({ packages }));
      return packageOf(own);
    };
    const version = { tarball: null, setup: `npm install -g headrace@${ownVersion()}` };
    expect(setupOf('file:../headrace-0.2.0.tgz')).toEqual({ tarball, setup: 'npm install -g /tmp/headrace.tgz' });
    for (const elsewhere of ['https://example.test/headrace-0.2.0.tgz', 'file:../gone.tgz', 'file:..'])
      expect(setupOf(elsewhere)).toEqual(version);
    expect(exportSkypilot(parseExportJob(given)).text).toContain(version.setup);
  } finally {
    rmSync(root, { recursive: true });
  }
});
test.each(Object.entries(targets))(
  '%s refuses a job of several machines: a file for one would be another job',
  (_, write) => {
    const several = parseExportJob({ ...given, nodes: 4, ranks: 32 });
    expect(() => write(several)).toThrow(
      expect.objectContaining({
        code: 'EXPORT_JOB',
        message: expect.stringContaining('headrace train run --on slurm'),
      }),
    );
  },
);
