import { isHeadraceError } from '../../../src/base/errors/fail.ts';
import { openSqliteRegistry } from '../../../src/site/open-registry.ts';
import { newVersion } from '../../../src/testing/contracts/model-registry.ts';

/** Registers and moves the alias by compare-and-swap as fast as it can; prints what it won, as one JSON line. */
const [path = '', rounds = '0'] = process.argv.slice(2);
const registry = openSqliteRegistry(path);
const versions: number[] = [];
const moves: { from: number | null; to: number }[] = [];
for (let i = 0; i < Number(rounds); i += 1) {
  const { version } = await registry.register(newVersion('m'));
  versions.push(version);
  const from = await registry.alias('m', 'champion');
  try {
    await registry.moveAlias('m', 'champion', { expected: from, to: version, at: i });
    moves.push({ from, to: version });
  } catch (error) {
    if (!isHeadraceError(error, 'REGISTRY_MOVED')) throw error;
  }
}
await registry.close();
console.log(JSON.stringify({ versions, moves }));
