import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Headrace, isHeadraceError, type ModelVersion, openHeadrace, startServer } from 'headrace';
import { ALL_FLIGHTS, checkRun } from './checks.ts';
import project, { lateDeparture } from './declaration.ts';
import { growth } from './growth.ts';
import { playbook } from './playbook.ts';
import { progressLine } from './progress-line.ts';
import { replay } from './replay.ts';
import { replayClock } from './replay-clock.ts';
import { rollouts } from './rollouts.ts';
import { runningAudit } from './running-audit.ts';
import { summarise, summaryText } from './summary.ts';

// Replays half a year of US flights through the whole loop: events, features, a trained model, predictions, labels.
const { values } = parseArgs({
  options: {
    limit: { type: 'string' },
    json: { type: 'boolean' },
    serve: { type: 'boolean' },
    port: { type: 'string' },
  },
});
const limit = Math.min(ALL_FLIGHTS, Number(values.limit ?? ALL_FLIGHTS));
if (!Number.isInteger(limit) || limit < 1) {
  console.error('--limit takes a whole number of flights from 1');
  process.exit(2);
}

const DIRECTORY = '.headrace/flights';
const START = Date.UTC(2001, 0, 1);
const JANUARY_DAYS = 31;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** What was served is audited this many days at once, next to the replay. */
const AUDIT_DAYS = 14;
/** About one prediction in this many is logged whole and recomputed in the end. */
const SAMPLES = 15_000;
const WANTED_SAMPLES = 10_000;

const started = performance.now();
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
process.once('SIGTERM', () => stop.abort());
rmSync(DIRECTORY, { recursive: true, force: true });

// January trains, the rest is live; a short run trains on its first half.
const share = limit / ALL_FLIGHTS;
const liveFrom = share > 0.3 ? START + JANUARY_DAYS * DAY_MS : START + Math.max(1, Math.floor(share * 90)) * DAY_MS;
const sampleRate = Math.min(1, SAMPLES / Math.max(1, limit * 0.8));
const clock = replayClock(START);
const headrace = await openHeadrace({
  project,
  // The replay's hours pass in seconds: a row of profiles for each minute would cost more than its vectors.
  environment: { directory: DIRECTORY, sampleRate, profiles: { every: '1h' } },
  clock: clock.now,
  onFault: (error) => console.error(error),
});
let version: ModelVersion | null = null;
let trainerRssMb = 0;
/** The peak of this process during training, next to the trainer's own peak. */
let besideTrainerMb = 0;

try {
  say(
    `replaying ${limit.toLocaleString('en')} flights from 2001-01-01; the model is trained at ${new Date(liveFrom).toISOString().slice(0, 10)}`,
  );
  const showProgress = values.json === true ? () => undefined : progressLine(headrace);
  const grown = growth(liveFrom);
  const audit = runningAudit(headrace, START);
  const watching = playbook(headrace, { from: liveFrom, days: share * 181 });
  const rolledOut = rollouts({ headrace, from: liveFrom + 6 * HOUR_MS, say });
  const totals = await replay({
    headrace,
    clock,
    limit,
    liveFrom,
    train: async () => {
      version = await train(headrace);
    },
    rollOut: async (at) => {
      await rolledOut.at(at);
      await watching.at(at);
    },
    day: (at) => {
      // Values served a day ago: every event that could count for them has arrived.
      if (at > liveFrom && (at - liveFrom) % (AUDIT_DAYS * DAY_MS) === DAY_MS) audit.upTo(at - DAY_MS);
    },
    progress: (progress) => {
      grown.at(progress.at, 2 * progress.flights);
      showProgress(progress);
    },
    stopped: () => stop.signal.aborted,
  });
  say('\nchecking the run against the file and its own history');
  await headrace.flush();
  const skew = await audit.finish(totals.to + 1);
  const wanted = Math.min(WANTED_SAMPLES, Math.floor(totals.predictions * sampleRate * 0.8));
  const { checks, checksum, tiles } = await checkRun(headrace, totals, skew, wanted);
  const decided = await watching.finish();
  const stoppedEarly = stop.signal.aborted;
  const summary = summarise({
    headrace,
    totals,
    skew,
    version,
    checks: stoppedEarly ? [] : [...checks, decided.check, ...[grown.check()].filter((check) => check !== null)],
    decisions: decided.log,
    tiles: { count: tiles, sha256: checksum },
    rollouts: rolledOut.finished,
    seconds: (performance.now() - started) / 1_000,
    trainerRssMb,
    besideTrainerMb,
    stoppedEarly,
  });
  if (values.serve === true && !stoppedEarly) await serve(headrace);
  console.log(values.json === true ? JSON.stringify(summary) : summaryText(summary));
  if (summary.checks.some(({ passed }) => !passed)) process.exitCode = 1;
} catch (error) {
  if (!isHeadraceError(error)) throw error;
  console.error(`${error.code}: ${error.message}\n  ${error.hint}`);
  process.exitCode = error.exit;
} finally {
  await headrace.close();
}

function say(text: string): void {
  if (values.json !== true) console.log(text);
}

async function train(running: Headrace): Promise<ModelVersion> {
  const watch = setInterval(() => {
    besideTrainerMb = Math.max(besideTrainerMb, Math.round(process.memoryUsage.rss() / 2 ** 20));
  }, 100);
  const onLine = (line: string) => {
    const peak = /peak memory (\d+) MB/.exec(line);
    if (peak !== null) trainerRssMb = Number(peak[1]);
  };
  const trained = await running.train(lateDeparture, { to: clock.now(), onLine }).finally(() => clearInterval(watch));
  await running.promote(lateDeparture, trained.version);
  say(
    `\n${lateDeparture.name} version ${trained.version} is champion: ${trained.lineage.trainingSet.rows.toLocaleString('en')} rows, training AUC ${trained.metrics['auc']?.toFixed(3)}`,
  );
  return trained;
}

/** Keeps the server up until Ctrl-C. */
async function serve(running: Headrace): Promise<void> {
  const server = await startServer(running, {
    host: '127.0.0.1',
    port: Number(values.port ?? 8080),
    bodyLimit: '1MiB',
  });
  const request = { request: { origin: 'ATL', destination: 'SFO', scheduled: clock.now(), distance: 2139 } };
  console.log(
    `serving on ${server.url}; Ctrl-C to stop. Try:\n  curl -s -H content-type:application/json ${server.url}/v1/features/departure -d '${JSON.stringify(request)}'`,
  );
  await new Promise((resolve) => stop.signal.addEventListener('abort', resolve));
  await server.close();
}
