import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { seededRandom } from '../../src/base/rng.ts';

/**
 * Flips one bit of one durable file of an environment, opens it in a process of its own and asks for vectors and history.
 * The answers are the same, or there is a coded error; never other answers, a crash or a hang. Ends by itself.
 *
 *     node --conditions=headrace-source scripts/soak/flips.ts [--trials 1000] [--seed 1]
 */
const { values } = parseArgs({
  options: { trials: { type: 'string', default: '1000' }, seed: { type: 'string', default: '1' } },
});
const ASK = fileURLToPath(new URL('./ask.ts', import.meta.url));
/** Longer than a busy machine needs: only what hangs is ended. */
const LONGEST_MS = 600_000;

const random = seededRandom(Number(values.seed));
const folder = mkdtempSync(join(tmpdir(), 'headrace-flips-'));
const whole = join(folder, 'whole');
const trial = join(folder, 'trial');
// Each trial is a process: without it, half of its time is the compilation of the same files.
const env = { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compiled') };

interface Asked {
  /** The answers, a coded error as `AREA_FACT`, or what went wrong otherwise. */
  readonly kind: 'answers' | 'code' | 'fault';
  readonly text: string;
}

const filled = await asked(whole, 'fill');
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
  const found = await askedOnCopy(() => writeFileSync(join(trial, file), bytes));
  const outcome =
    found.kind === 'answers' ? (found.text === right.text ? 'same answers' : 'OTHER ANSWERS') : found.text;
  const name = found.kind === 'fault' ? 'FAULT' : outcome;
  outcomes[name] = (outcomes[name] ?? 0) + 1;
  if (name === 'FAULT' || name === 'OTHER ANSWERS')
    noteFault(`${file}, byte ${at}, bit ${bit}: ${found.text.slice(0, 1_000)}`);
  if (i % 50 === 0) console.error(`${i} flips: ${JSON.stringify(outcomes)}`);
}
rmSync(folder, { recursive: true, force: true });
console.log(JSON.stringify({ trials: Number(values.trials), files: files.length, outcomes, faults }, null, 2));
if (faults.length > 0) process.exitCode = 1;

/** Says it at once: a run that is ended early has its faults too. */
function noteFault(text: string): void {
  faults.push(text);
  console.error(text);
}

/** Asks a copy of the whole directory, changed before. */
async function askedOnCopy(change: () => void = () => undefined): Promise<Asked> {
  rmSync(trial, { recursive: true, force: true });
  cpSync(whole, trial, { recursive: true });
  change();
  return asked(trial, 'ask');
}

function asked(directory: string, what: 'fill' | 'ask'): Promise<Asked> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--conditions=headrace-source', ASK, directory, what], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), LONGEST_MS);
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve({ kind: 'answers', text: out });
      else if (code === 3) resolve({ kind: 'code', text: out.trim() });
      else resolve({ kind: 'fault', text: `${signal ?? code}: ${err || out}` });
    });
  });
}

/** Every file that a restart reads, by its path below the directory. */
function filesOf(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .filter((path) => !/lock|\.tmp$/.test(path) && statSync(join(directory, path)).size > 0)
    .sort();
}
