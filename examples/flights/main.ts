import { rmSync } from 'node:fs';
import {
  type Headrace,
  isHeadraceError,
  type ModelVersion,
  openHeadrace,
  type RunningServer,
  startServer,
} from 'headrace';
import { checkRun } from './checks.ts';
import wholeProject, { answeredLateDeparture, answeredProject, lateDeparture } from './declaration.ts';
import { growth } from './growth.ts';
import { loop } from './loop.ts';
import { checkNextSteps, nextSteps } from './next-steps.ts';
import { partOf, runOptions } from './options.ts';
import type { Part } from './parts.ts';
import { playbook } from './playbook.ts';
import { progressLine } from './progress-line.ts';
import { type ReplayTotals, replay } from './replay.ts';
import { type ReplayClock, replayClock } from './replay-clock.ts';
import { rollouts } from './rollouts.ts';
import { runningAudit } from './running-audit.ts';
import { holdDirectory } from './running-file.ts';
import { stopOnSignal } from './stop.ts';
import { type RunSummary, summarise, summaryText } from './summary.ts';

// Replays real US flights through the whole loop: events, features, a trained model, predictions, labels, a drift, a better version.
const options = runOptions(process.argv.slice(2));
const DIRECTORY = '.headrace/flights';
const PORT = 8080;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** What was served is audited this many days at once, next to the replay. */
const AUDIT_DAYS = 14;
/** About one prediction in this many is logged whole and recomputed in the end. */
const SAMPLES = 15_000;
const WANTED_SAMPLES = 10_000;

const started = performance.now();

const held = holdDirectory('.headrace');
if ('pid' in held) {
  console.error(`npm start runs here already, as process ${held.pid}: stop it first`);
  process.exit(5);
}
const stop = stopOnSignal(held.release);
try {
  await run();
} catch (error) {
  if (!isHeadraceError(error)) throw error;
  console.error(`${error.code}: ${error.message}\n  ${error.hint}`);
  process.exitCode = error.exit;
} finally {
  held.release();
}

async function run(): Promise<void> {
  rmSync(DIRECTORY, { recursive: true, force: true });
  const part = await partOf(options);
  const clock = replayClock(part.from);
  const sampleRate = Math.min(1, SAMPLES / Math.max(1, part.flights * 0.8));
  const headrace = await openHeadrace({
    project: options.limit === null ? answeredProject : wholeProject,
    // The replay's hours pass in seconds: a row of profiles for each minute would cost more than its vectors.
    environment: { directory: DIRECTORY, sampleRate, profiles: { every: '1h' } },
    clock: clock.now,
    onFault: (error) => console.error(error),
  });
  try {
    const { summary, totals } = await replayed(headrace, part, { clock, sampleRate });
    await served(headrace, summary, totals.to);
    if (summary.checks.some(({ passed }) => !passed)) process.exitCode = 1;
  } finally {
    await headrace.close();
  }
}

interface Pace {
  readonly clock: ReplayClock;
  readonly sampleRate: number;
}

async function replayed(
  headrace: Headrace,
  part: Part,
  { clock, sampleRate }: Pace,
): Promise<{ readonly summary: RunSummary; readonly totals: ReplayTotals }> {
  const model = options.limit === null ? answeredLateDeparture : lateDeparture;
  let doing = () => 'fills the features';
  const progress = progressLine({ headrace, model, part, doing: () => doing() });
  const say = options.json ? () => undefined : progress.say;
  say(
    `replaying ${part.text}; the first version is trained on what is before ${new Date(part.trainedTo).toISOString().slice(0, 10)}`,
  );
  const grown = growth(part.liveFrom);
  const audit = runningAudit(headrace, part.from);
  const answer =
    options.limit === null
      ? loop(headrace, answeredLateDeparture, { from: part.liveFrom, say })
      : scripted(headrace, part, say);
  const trained = trainer(headrace, model, part, say);
  const totals = await replay({
    headrace,
    clock,
    part,
    model,
    train: async () => {
      doing = () => 'trains the first version';
      await trained.train();
      doing = answer.doing;
      progress.live();
    },
    rollOut: answer.at,
    day: (at) => {
      // Values served a day ago: every event that could count for them has arrived.
      if (at > part.liveFrom && (at - part.liveFrom) % (AUDIT_DAYS * DAY_MS) === DAY_MS) audit.upTo(at - DAY_MS);
    },
    progress: (now) => {
      grown.at(now.at, 2 * now.flights);
      if (!options.json) progress.at(now);
    },
  });
  say('checking the run against the file and its own history');
  await headrace.flush();
  const skew = await audit.finish(totals.to + 1);
  const wanted = Math.min(WANTED_SAMPLES, Math.floor(totals.predictions * sampleRate * 0.8));
  const { checks, checksum, tiles } = await checkRun(headrace, { model, part }, totals, skew, wanted);
  const decided = await answer.finish();
  const summary = summarise({
    ...{ headrace, model, totals, skew, version: trained.version() },
    checks: [...checks, ...decided.checks, ...[grown.check()].filter((check) => check !== null)],
    decisions: decided.log,
    tiles: { count: tiles, sha256: checksum },
    rollouts: answer.finished,
    seconds: (performance.now() - started) / 1_000,
    ...trained.peaks(),
  });
  return { summary, totals };
}

/** The answers of the half year: rollouts of the replay, and a playbook that decides and does nothing. */
function scripted(headrace: Headrace, part: Part, say: (text: string) => void) {
  const watching = playbook(headrace, { from: part.liveFrom, days: part.share * 181 });
  // A week of the half year, or a day of a short part.
  const after = part.share > 0.3 ? 7 * DAY_MS : DAY_MS;
  const rolledOut = rollouts({ headrace, from: part.liveFrom + after + 6 * HOUR_MS, say });
  return {
    finished: rolledOut.finished,
    doing: () => 'serves',
    at: async (at: number) => {
      await rolledOut.at(at);
      await watching.at(at);
    },
    finish: watching.finish,
  };
}

/** Trains the first version and makes it champion; measures the memory meanwhile, MiB. */
function trainer(
  headrace: Headrace,
  model: typeof lateDeparture | typeof answeredLateDeparture,
  { trainedTo }: Part,
  say: (text: string) => void,
) {
  let [trainerRssMb, besideTrainerMb] = [0, 0];
  let version: ModelVersion | null = null;
  return {
    version: () => version,
    peaks: () => ({ trainerRssMb, besideTrainerMb }),
    train: async (): Promise<void> => {
      say(`trains ${model.name} in a process of its own`);
      const watch = setInterval(() => {
        besideTrainerMb = Math.max(besideTrainerMb, Math.round(process.memoryUsage.rss() / 2 ** 20));
      }, 100);
      const onLine = (line: string) => {
        const peak = /peak memory (\d+) MB/.exec(line);
        if (peak !== null) trainerRssMb = Number(peak[1]);
      };
      version = await headrace.train(model, { to: trainedTo, onLine }).finally(() => clearInterval(watch));
      await headrace.promote(model, version.version);
      const { rows } = version.lineage.trainingSet;
      say(
        `${model.name} version ${version.version} is champion: ${rows.toLocaleString('en')} rows, training AUC ${version.metrics['auc']?.toFixed(3)}`,
      );
    },
  };
}

function print(summary: RunSummary): void {
  console.log(options.json ? JSON.stringify(summary) : summaryText(summary));
}

/** Prints the summary and the next steps, and keeps the server up until Ctrl-C; with --exit it tries the steps and ends. */
async function served(headrace: Headrace, summary: RunSummary, at: number): Promise<void> {
  const server = await listening(headrace);
  try {
    if (options.exits) {
      const check = await checkNextSteps(server.url, at);
      if (!check.passed) process.exitCode = 1;
      print({ ...summary, checks: [...summary.checks, check] });
      return;
    }
    print(summary);
    console.log(`\nserving on ${server.url} until Ctrl-C. Open the console in a browser: ${server.url}/`);
    console.log(`Five labs pose the questions of this system: ${server.url}/#/labs`);
    console.log('Next, in another terminal:');
    for (const { purpose, command } of nextSteps(server.url, at)) console.log(`  # ${purpose}\n  ${command}`);
    await stop.asked();
  } finally {
    await server.close();
  }
}

/** The server at the asked port; where none is asked for and the usual one is busy, at a free one. */
async function listening(headrace: Headrace): Promise<RunningServer> {
  const start = (port: number) => startServer(headrace, { host: '127.0.0.1', port, bodyLimit: '1MiB', labs: true });
  if (options.port !== null) return start(options.port);
  if (options.exits) return start(0);
  try {
    return await start(PORT);
  } catch (error) {
    if (!isHeadraceError(error) || error.code !== 'SERVER_ADDRESS') throw error;
    return start(0);
  }
}
