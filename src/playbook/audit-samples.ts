import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../files/replace-file.ts';
import { auditIds, auditText } from '../monitoring/estimate/audit-file.ts';

/** The file of a drawn sample in the folder of playbooks. */
export function auditPath(folder: string, decision: string): string {
  return join(folder, `audit-${decision}.csv`);
}

/** Ids in the samples of a folder, before and after. */
export interface ForgottenSamples {
  readonly before: number;
  readonly after: number;
}

/**
 * Takes predictions out of every sample, and removes the folders of killed gates. The digest of a sample in the journal is
 * then that of the sample as it was drawn.
 */
export function forgetSamples(folder: string, ids: ReadonlySet<string>): ForgottenSamples {
  if (!existsSync(folder)) return { before: 0, after: 0 };
  const paths = readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory() && !isAlive(entry.name)) rmSync(join(folder, entry.name), { recursive: true, force: true });
    return entry.isFile() && /^audit-.+\.csv(\.tmp)?$/.test(entry.name) ? [join(folder, entry.name)] : [];
  });
  const count = () => paths.reduce((sum, path) => sum + idsOf(path).filter((id) => ids.has(id)).length, 0);
  const before = count();
  for (const path of paths) {
    const own = idsOf(path);
    const kept = own.filter((id) => !ids.has(id));
    if (kept.length < own.length) replaceFile(path, auditText(kept));
  }
  return { before, after: count() };
}

function idsOf(path: string): readonly string[] {
  return existsSync(path) ? auditIds(readFileSync(path, 'utf8')) : [];
}

/** Whether the process that made a folder of labelled rows, `<decision>-<process>`, still runs: it removes the folder itself. */
function isAlive(name: string): boolean {
  const pid = Number(name.slice(name.lastIndexOf('-') + 1));
  if (!Number.isInteger(pid) || pid < 1) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
