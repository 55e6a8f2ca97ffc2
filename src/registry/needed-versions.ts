import type { ModelRegistry, VersionRecord } from '../ports/model-registry.ts';

/**
 * The versions that are served or may be at once: those that an alias points at, those that somebody holds, and the newest
 * of each model. Errors: those of the registry.
 */
export async function neededVersions(registry: ModelRegistry): Promise<readonly VersionRecord[]> {
  const holds = await registry.holds();
  const needed: VersionRecord[] = [];
  for (const name of await registry.models()) {
    const model = await registry.model(name);
    const newest = (await registry.versionNumbers(name)).at(-1);
    const numbers = new Set([
      ...(newest === undefined ? [] : [newest]),
      ...(model?.aliases ?? []).map(({ version }) => version),
      ...holds.filter((hold) => hold.model === name).map(({ version }) => version),
    ]);
    for (const number of numbers) {
      const record = await registry.versionRecord(name, number);
      if (record !== null) needed.push(record);
    }
  }
  return needed;
}
