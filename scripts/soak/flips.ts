import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { seededRandom } from '../../src/base/rng.ts';
import { type Asked, Asker, asked } from './asker.ts';

/**
 * Flips one bit of one durable file of an environment, opens it in another process and asks for vectors and history.
 * The answers are the same, or there is a coded error; never other answers, a crash or a hang. Ends by itself.
 *
 *     node --conditions=headrace-source scripts/soak/flips.ts [--trials 1000] [--seed 1]
 */
const { values } = parseArgs({
  options: { trials: { type: 'string', default: '1000' }, seed: { type: 'string', default: '1' } },
});

const random = seededRandom(Number(values.seed));
const folder = mkdtempSync(join(tmpdir(), 'headrace-flips-'));
const whole = join(folder, 'whole');
// Without it, half of the time of a process is the compilation of the same files.
const env = { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compiled') };

/** Copies that one process asks: what a process leaves open does not pile up. */
const ASKED_BY_ONE = 50;

let copies = 0;
const asker = new Asker(env);
const filled = await asked(whole, 'fill', env);
if (filled.kind !== 'answers') throw new Error(`the directory cannot be filled: ${filled.text}`);
const right = await askedOnCopy();
if (right.kind !== 'answers') throw new Error(`the whole directory does not answer: ${right.text}`);
const files = filesOf(whole);
const outcomes: Record<string, number> = {};
const faults: string[] = [];
for (let i = 1; i <= Number(values.trials); i += 1) {
  const file = files[Math.floor(random() * files.length)] ?? '';
  const bytes = readFileSync(join(whole, file));
  const at = Math.floor(random() * bytes.length);
  const bit = Math.floor(random() * 8);
  bytes[at] ^= 1 << bit;
  const found = await askedOnCopy((trial) => writeFileSync(join(trial, file), bytes));
  const outcome =
    found.kind === 'answers' ? (found.text === right.text ? 'same answers' : 'OTHER ANSWERS') : found.text;
  const name = found.kind === 'fault' ? 'FAULT' : outcome;
  outcomes[name] = (outcomes[name] ?? 0) + 1;
  if (name === 'FAULT' || name === 'OTHER ANSWERS')
    noteFault(`${file}, byte ${at}, bit ${bit}: ${found.text.slice(0, 1_000)}`);
  if (i % 50 === 0) console.error(`${i} flips: ${JSON.stringify(outcomes)}`);
}
asker.end();
rmSync(folder, { recursive: true, force: true });
console.log(JSON.stringify({ trials: Number(values.trials), files: files.length, outcomes, faults }, null, 2));
if (faults.length > 0) process.exitCode = 1;

/** Says it at once: a run that is ended early has its faults too. */
function noteFault(text: string): void {
  faults.push(text);
  console.error(text);
}

/**
 * Asks a copy of the whole directory, changed before. A process asks many, one after the other; a copy at which it ends or hangs is asked
 * again in its own process, whose end is the outcome.
 */
async function askedOnCopy(change: (trial: string) => void = () => undefined): Promise<Asked> {
  copies += 1;
  const trial = join(folder, `trial-${copies}`);
  cpSync(whole, trial, { recursive: true });
  change(trial);
  if (copies % ASKED_BY_ONE === 0) asker.end();
  const found = await asker.ask(trial);
  rmSync(trial, { recursive: true, force: true });
  if (found !== null) return found;
  asker.end();
  cpSync(whole, trial, { recursive: true });
  change(trial);
  const alone = await asked(trial, 'ask', env);
  rmSync(trial, { recursive: true, force: true });
  return alone;
}

/** Every file that a restart reads, by its path below the directory. */
function filesOf(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .filter((path) => !/lock|\.tmp$/.test(path) && statSync(join(directory, path)).size > 0)
    .sort();
}
