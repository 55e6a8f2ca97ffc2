import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { judgeProofs } from '../../scripts/check/proven.ts';
import { allSuites, laneNames, ownFolders, sharedFolders, suitesOf, withoutSuites } from '../../scripts/deep/lanes.ts';
import { writeProofs } from '../../scripts/deep/proofs.ts';
import { root, runCommand } from '../../scripts/run-command.ts';
import { must } from '../../scripts/services/binaries.ts';

const directory = mkdtempSync(join(tmpdir(), 'proven-'));

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A repository with a file in every folder that proofs are judged by. */
class Repository {
  readonly folder = mkdtempSync(join(directory, 'repository-'));
  #changes = 0;

  static async make(): Promise<Repository> {
    const made = new Repository();
    await made.git('init', '--quiet', '--initial-branch=main');
    for (const folder of [...Object.values(ownFolders).flat(), ...sharedFolders, 'docs', '.ci']) made.write(folder);
    await made.commit();
    return made;
  }

  git(...args: readonly string[]): Promise<void> {
    const who = ['-c', 'user.name=test', '-c', 'user.email=test@localhost', '-c', 'commit.gpgsign=false'];
    return must('git', [...who, ...args], this.folder);
  }

  write(folder: string, text = 'first'): void {
    const place = join(this.folder, folder, 'file.ts');
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, text);
  }

  async commit(): Promise<void> {
    await this.git('add', '--all');
    await this.git('commit', '--quiet', '--allow-empty', '--message', 'change');
  }

  /** Changes a folder by commits of its own. */
  async change(folder: string, commits = 1): Promise<void> {
    for (let i = 0; i < commits; i += 1) {
      this.#changes += 1;
      this.write(folder, `change ${this.#changes}`);
      await this.commit();
    }
  }

  /** Calls every lane proven by the newest commit. */
  async prove(minutes = 60): Promise<void> {
    const { stdout } = await runCommand('git', ['rev-parse', 'HEAD'], { cwd: this.folder });
    const proof = { commit: stdout.trim(), passed: 1, skipped: 0, minutes, seconds: { one: 1 }, date: '2026-01-01' };
    await writeProofs(this.folder, Object.fromEntries(laneNames.map((lane) => [lane, proof])));
    await this.commit();
  }
}

test('each suite of services is in one lane, and each lane has suites and folders that are there', () => {
  const suites = readdirSync(`${root}/test/services`).filter((name) => name.endsWith('.test.ts'));
  expect(laneNames.flatMap(suitesOf).sort()).toEqual(suites.map((name) => `test/services/${name}`).sort());
  expect(allSuites()).toHaveLength(suites.length);
  expect(laneNames.filter((lane) => suitesOf(lane).length === 0)).toEqual(withoutSuites);
  for (const folder of [...Object.values(ownFolders).flat(), ...sharedFolders])
    expect(readdirSync(join(root, folder)), folder).not.toEqual([]);
});

test('a proof holds over changes elsewhere', async () => {
  const repository = await Repository.make();
  await repository.prove();
  await repository.change('docs');
  expect(await judgeProofs(repository.folder)).toEqual({
    seen: `${laneNames.length} of ${laneNames.length} lanes proven`,
    problems: [],
    warnings: [],
  });
});

test.each(['warning', 'fault'] as const)('lanes never proven are each a %s that names its command', async (kind) => {
  const repository = await Repository.make();
  await writeProofs(repository.folder, {});
  const { problems, warnings } = await judgeProofs(repository.folder, repository.folder, kind);
  const named = laneNames.map((lane) => expect.stringContaining(`npm run test:deep ${lane}`));
  expect([problems, warnings]).toEqual(kind === 'fault' ? [named, []] : [[], named]);
});

test('a lane that took more than an hour is a warning', async () => {
  const repository = await Repository.make();
  await repository.prove(61);
  const { problems, warnings } = await judgeProofs(repository.folder);
  expect(problems).toEqual([]);
  expect(warnings).toEqual(laneNames.map((lane) => expect.stringMatching(`lane "${lane}" took 61 min`)));
});

test.each(laneNames)('a change of a folder of lane %s makes its proof stale, and no other', async (lane) => {
  const repository = await Repository.make();
  await repository.prove();
  await repository.change(ownFolders[lane][0] ?? '');
  const { problems } = await judgeProofs(repository.folder);
  expect(problems).toEqual([expect.stringMatching(`lane "${lane}".*is stale.*npm run test:deep ${lane}`)]);
});

test('a folder that was changed and changed back is as it was', async () => {
  const repository = await Repository.make();
  await repository.prove();
  await repository.change('src/backends/redis');
  repository.write('src/backends/redis');
  await repository.commit();
  expect((await judgeProofs(repository.folder)).problems).toEqual([]);
});

test('thirty commits to shared folders are covered, over all folders together; one more makes every lane stale', async () => {
  const repository = await Repository.make();
  await repository.prove();
  const first = 31 - sharedFolders.length;
  for (const [i, folder] of sharedFolders.entries()) await repository.change(folder, i === 0 ? first : 1);
  expect((await judgeProofs(repository.folder)).problems).toEqual([]);
  await repository.change(sharedFolders.at(-1) ?? '');
  expect((await judgeProofs(repository.folder)).problems).toEqual(
    laneNames.map((lane) => expect.stringMatching(`lane "${lane}".*is stale.*31 commits`)),
  );
});

test('a proof of a commit of another branch is a fault', async () => {
  const repository = await Repository.make();
  await repository.git('checkout', '--quiet', '-b', 'other');
  await repository.change('docs');
  await repository.prove();
  await repository.git('checkout', '--quiet', 'main');
  await repository.git('checkout', '--quiet', 'other', '--', '.ci/proven.json');
  await repository.commit();
  const { problems } = await judgeProofs(repository.folder);
  expect(problems).toEqual(laneNames.map((lane) => expect.stringMatching(`lane "${lane}".*not in the history`)));
});

test('a shallow clone and a folder without history are faults that say what to do', async () => {
  const repository = await Repository.make();
  await repository.prove();
  await must('git', ['clone', '--quiet', '--depth=1', `file://${repository.folder}`, 'shallow'], directory);
  expect((await judgeProofs(join(directory, 'shallow'))).problems).toEqual([expect.stringContaining('--unshallow')]);
  expect((await judgeProofs(directory)).problems).toEqual([expect.stringContaining('no git history')]);
});

test.each([
  '{"redis": {}}',
  '{"other": null}',
  'x',
  `{"redis": {"commit": "${'a'.repeat(40)}", "passed": 1, "skipped": 0, "minutes": 1, "date": "2026-01-01"}}`,
  '{"redis": {"commit": "abc", "passed": 1, "skipped": 0, "minutes": 1, "seconds": {}, "date": "2026-01-01"}}',
])('proofs of another form are a fault: %s', async (text) => {
  const repository = await Repository.make();
  writeFileSync(join(repository.folder, '.ci/proven.json'), text);
  await expect(judgeProofs(repository.folder)).rejects.toThrow();
});
