import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { posix } from 'node:path';
import { publint } from 'publint';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { blocksOf } from '../../scripts/markdown.ts';
import { root, runCommand } from '../../scripts/run-command.ts';
import { projectPackages } from '../../src/process/project-package.ts';

const unreachable = /ENOTFOUND|ECONNREFUSED|ENOTCACHED|EAI_AGAIN|ETIMEDOUT|ECONNRESET/;

let place = '';
let installed: { readonly code: number; readonly output: string };

beforeAll(async () => {
  place = await mkdtemp(`${tmpdir()}/headrace-package-`);
  const packed = await runCommand('npm', ['pack', '--pack-destination', place]);
  expect(packed.code, packed.output).toBe(0);
  const tarball = (await readdir(place)).find((name) => name.endsWith('.tgz'));
  await mkdir(`${place}/project`);
  await writeFile(`${place}/project/package.json`, '{ "private": true, "type": "module" }\n');
  const packages = Object.entries(projectPackages()).map(([name, version]) => `${name}@${version}`);
  const args = ['install', '--prefer-offline', '--no-audit', '--no-fund', `${place}/${tarball}`, ...packages];
  installed = await runCommand('npm', args, {
    cwd: `${place}/project`,
    env: { ONNXRUNTIME_NODE_INSTALL: 'skip' },
  });
}, 600_000);

afterAll(() => rm(place, { recursive: true, force: true }));

test('the packed package holds the build and its papers, nothing else', async () => {
  const { stdout } = await runCommand('tar', ['-tzf', await tarballPath()]);
  const outside = stdout
    .trim()
    .split('\n')
    .filter(
      (path) =>
        !/^package\/(dist\/.+\.(js|d\.ts)|dist\/console\/.+\.(html|css|svg)|dist\/console\/licenses\.md|dist\/report-page\/report\.html|dist\/backends\/spark\/((tile|score)-)?runner\/\w+\.java|dist\/backends\/spark\/score-python\/headrace_score\.py|dist\/training\/runner\/headrace_job\.py|dist\/backends\/python\/headrace_(worker|model|onnx|isolation)\.py|deploy\/.+|package\.json|README\.md|LICENSE|CHANGELOG\.md)$/.test(
          path,
        ),
    );
  expect(outside).toEqual([]);
  expect(stdout).toContain('package/dist/index.js');
});

test('every file that package.json names is in the package', async () => {
  const { stdout } = await runCommand('tar', ['-tzf', await tarballPath()]);
  const manifest = await readFile(`${root}/package.json`, 'utf8');
  const named = [...manifest.matchAll(/"\.\/(dist\/[^"]+)"/g)].map((match) => `package/${match[1]}`);
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((path) => !stdout.split('\n').includes(path))).toEqual([]);
});

test('every file of package.json is found as its entry says', async () => {
  const { buffer } = Uint8Array.from(await readFile(await tarballPath()));
  const { messages } = await publint({ pack: { tarball: buffer }, strict: true });
  expect(messages).toEqual([]);
});

test('no path that the build hands to a process or thread leads to a TypeScript file', async () => {
  const paths = (await readdir(`${root}/dist`, { recursive: true })).filter((path) => path.endsWith('.js'));
  const texts = await Promise.all(paths.map((path) => readFile(`${root}/dist/${path}`, 'utf8')));
  const path = /(?:new URL|import|Worker|fork)\(\s*['"`]\.{1,2}\/[^'"`\n]*\.ts['"`]/g;
  expect(texts.flatMap((text) => text.match(path) ?? [])).toEqual([]);
});

test("installed into an empty project, it runs the README's first example, which has its types there", async (context) => {
  skipWhereNothingCanBeInstalled(context);
  const project = `${place}/project`;
  await copyFile(`${root}/examples/first.ts`, `${project}/first.ts`);
  await writeFile(`${project}/client.ts`, await programOf('docs/reference/client.md'));
  const ran = await runCommand('node', ['first.ts'], { cwd: project });
  expect(ran.code, ran.output).toBe(0);
  const options = { module: 'nodenext', target: 'es2024', strict: true, noEmit: true, skipLibCheck: true, types: [] };
  await writeFile(
    `${project}/tsconfig.json`,
    JSON.stringify({ compilerOptions: options, include: ['first.ts', 'client.ts'] }),
  );
  const typed = await runCommand('tsc', ['-p', project]);
  expect(typed.code, typed.output).toBe(0);
}, 60_000);

test('the client of the build reaches neither the server nor a package nor Node', async () => {
  const reached = new Set(['client/index.js', 'client/oip/index.js']);
  for (const path of reached) {
    const source = await readFile(`${root}/dist/${path}`, 'utf8');
    for (const [, named] of source.matchAll(/(?:from|import)\s*\(?['"]([^'"]+)['"]/g)) {
      expect(named, `what ${path} imports`).toMatch(/^\.{1,2}\//);
      reached.add(posix.join(posix.dirname(path), named));
    }
  }
  expect([...reached].filter((path) => !/^(client|schema)\/|^base\/errors\/(client|row)\.js$/.test(path))).toEqual([]);
});

test('the client of the build keeps its rules in this runtime, as the program for others has them', async () => {
  const program = 'scripts/client-runtimes/main.ts';
  const ran = await runCommand('node', ['--conditions=headrace-source', program, 'node']);
  expect(ran.stdout).toBe('✓ node\n');
}, 60_000);

test('installed into an empty project, the client calls a server as its page shows', async (context) => {
  skipWhereNothingCanBeInstalled(context);
  const ran = await runCommand('node', ['client.ts'], { cwd: `${place}/project` });
  expect(ran.output).toBe('1 12.50\n[ 1, 0 ]\nSERVICE_UNKNOWN 404 name one of them\n');
}, 60_000);

test('the installed command line starts and names its commands', async (context) => {
  skipWhereNothingCanBeInstalled(context);
  const { code, output } = await runCommand(`${place}/project/node_modules/.bin/headrace`, ['--help']);
  expect(code, output).toBe(0);
  expect(output).toContain('headrace <command> --help');
});

test('the guide for the first hour holds, command by command, with the installed package', async (context) => {
  skipWhereNothingCanBeInstalled(context);
  const guide = blocksOf(await readFile(`${root}/docs/guide/getting-started.md`, 'utf8'));
  const [make, plan, dev, send] = guide.filter(({ language }) => language === 'sh').map(({ text }) => text);
  const project = `${place}/project`;
  // The package is made and installed here already, and so is all that the new project depends on.
  const here = make.replace('npm pack\n', '').replaceAll('../shop', 'shop');
  const steps = here.replace(/npx --package \S+ (.*) --install/, `$1; ln -s ${project}/node_modules shop/node_modules`);
  await shell(project, steps);
  expect(await shell(`${project}/shop`, plan)).toContain('+ view spend@1');
  const served = await serve(`${project}/shop`, dev);
  const [taken, vector] = (await shell(`${project}/shop`, send.replaceAll('localhost:8080', served.address)))
    .split('}{')
    .map((text, index) => JSON.parse(index === 0 ? `${text}}` : `{${text}`));
  expect(taken).toEqual({ accepted: 1, duplicate: 0, late: 0, pending: 0, refused: 0, dropped: [], errors: [] });
  expect(vector).toMatchObject({ complete: true, features: { spend_purchases_1h: 1, spend_spent_7d: '12.50' } });
  expect(await served.stop()).toBe(0);
  const after = JSON.parse(await shell(`${project}/shop`, 'npx headrace features get shopper user=ada --json'));
  expect(after, 'what was acknowledged survives the server').toMatchObject({ features: { spend_purchases_7d: 1 } });
}, 60_000);

async function programOf(page: string): Promise<string> {
  const blocks = blocksOf(await readFile(`${root}/${page}`, 'utf8'));
  return blocks.flatMap(({ language, text }) => (language === 'ts' ? [text] : [])).join('');
}

async function shell(cwd: string, commands: string): Promise<string> {
  const path = `${place}/project/node_modules/.bin:${process.env['PATH'] ?? ''}`;
  const ended = await runCommand('bash', ['-euc', `PATH=${path}\n${commands.replaceAll('npx ', '')}`], { cwd });
  expect(ended.code, ended.output).toBe(0);
  return ended.stdout;
}

interface Served {
  readonly address: string;
  /** Stops the server as Ctrl-C does; gives its exit code. */
  stop(): Promise<number | null>;
}

async function serve(cwd: string, command: string): Promise<Served> {
  const args = [...command.trim().split(' ').slice(2), '--port', '0', '--json'];
  const child = spawn(`${place}/project/node_modules/.bin/headrace`, args, {
    cwd,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data');
  const { url } = JSON.parse(String(line));
  return {
    address: String(url).replace('http://', ''),
    stop: async () => {
      child.kill('SIGINT');
      const [code] = await once(child, 'exit');
      return code;
    },
  };
}

function skipWhereNothingCanBeInstalled(context: { skip(reason: string): never }): void {
  if (installed.code === 0) return;
  if (unreachable.test(installed.output))
    context.skip('no package registry can be reached and its cache lacks a package');
  expect.fail(installed.output);
}

async function tarballPath(): Promise<string> {
  return `${place}/${(await readdir(place)).find((name) => name.endsWith('.tgz'))}`;
}
