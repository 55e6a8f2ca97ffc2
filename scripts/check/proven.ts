import { type LaneName, laneNames, ownFolders, sharedFolders } from '../deep/lanes.ts';
import { type Proof, readProofs } from '../deep/proofs.ts';
import { root, runCommand } from '../run-command.ts';
import type { Check, Outcome } from './check.ts';

/** This many commits to the shared folders are covered by an earlier proof. */
const SHARED_COMMITS = 30;

/** A lane takes at most an hour on a slow machine: a longer one is split. */
const MOST_MINUTES = 60;

/** What a lane is that was never proven. A project that has proven all of its lanes says `fault` here. */
const NEVER_PROVEN: NeverProven = 'warning';

export type NeverProven = 'warning' | 'fault';

const seeded = `${root}/test/ground/seeded/proven`;

/**
 * Every lane of `npm run test:deep` that `.ci/proven.json` calls proven is so still: its commit is in the history, the lane's
 * own folders are unchanged since, and the shared ones have at most 30 commits. A lane never proven is what
 * `NEVER_PROVEN` says. A lane that took more than an hour is a warning.
 */
export const proven: Check = {
  name: 'proven',
  async run() {
    const outcome = await judgeProofs(root);
    const caught = await judgeProofs(root, seeded);
    if (caught.problems.length > 0) return outcome;
    const missed = 'test/ground/seeded/proven: its proof of a commit that is not in the history was not found';
    return { ...outcome, problems: [...outcome.problems, missed] };
  },
};

/** Judges the proofs below one folder by the history of a repository. */
export async function judgeProofs(
  repository: string,
  folder = repository,
  neverProven: NeverProven = NEVER_PROVEN,
): Promise<Outcome> {
  const noHistory = await historyFault(repository);
  if (noHistory !== null) return { seen: 'no history', problems: [noHistory] };
  const proofs = await readProofs(folder);
  const found = laneNames.flatMap((lane) => {
    const proof = proofs[lane];
    return proof === undefined ? [] : [{ lane, proof }];
  });
  const faults = await Promise.all(found.map(({ lane, proof }) => proofFault(repository, lane, proof)));
  const never = laneNames
    .filter((lane) => proofs[lane] === undefined)
    .map((lane) => `lane "${lane}" was never proven: npm run test:deep ${lane}`);
  const long = found
    .filter(({ proof }) => proof.minutes > MOST_MINUTES)
    .map(({ lane, proof }) => `lane "${lane}" took ${proof.minutes} min, more than ${MOST_MINUTES}: split it`);
  const isFault = neverProven === 'fault';
  return {
    seen: `${found.length} of ${laneNames.length} lanes proven`,
    problems: [...faults.flatMap((fault) => fault ?? []), ...(isFault ? never : [])],
    warnings: [...(isFault ? [] : never), ...long],
  };
}

async function historyFault(repository: string): Promise<string | null> {
  const shallow = await git(repository, ['rev-parse', '--is-shallow-repository']);
  if (shallow === null) return 'there is no git history, so no proof of a lane can be judged: clone the repository';
  if (shallow === 'true')
    return 'the git history is cut off, so no proof of a lane can be judged: git fetch --unshallow';
  return null;
}

async function proofFault(repository: string, lane: LaneName, { commit, date }: Proof): Promise<string | null> {
  const again = `run npm run test:deep ${lane} and commit .ci/proven.json`;
  const proof = `the proof of lane "${lane}" (${commit.slice(0, 12)}, ${date})`;
  if ((await git(repository, ['merge-base', '--is-ancestor', commit, 'HEAD'])) === null)
    return `${proof} is of a commit that is not in the history of HEAD; ${again}`;
  for (const folder of ownFolders[lane])
    if ((await git(repository, ['diff', '--quiet', commit, 'HEAD', '--', folder])) === null)
      return `${proof} is stale, since ${folder} has changed; ${again}`;
  const commits = Number(await git(repository, ['rev-list', '--count', `${commit}..HEAD`, '--', ...sharedFolders]));
  if (!(commits <= SHARED_COMMITS))
    return `${proof} is stale, since ${commits} commits after it changed shared folders; ${again}`;
  return null;
}

/** The output of a git command; null where it fails. */
async function git(repository: string, args: readonly string[]): Promise<string | null> {
  const { code, stdout } = await runCommand('git', ['-C', repository, ...args]);
  return code === 0 ? stdout.trim() : null;
}
