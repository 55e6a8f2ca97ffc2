import { join } from 'node:path';
import type { Injection } from '../../playbook/file-replay/injection.ts';
import type { ReplayPlan } from '../../playbook/file-replay/replay-declaration.ts';
import type { FileReplay } from '../../playbook/file-replay/replay-file.ts';
import { replayFile } from '../../running/replay-file.ts';
import { openTableFile } from '../../site/table-files.ts';
import type { LabWorld } from '../lab.ts';
import { DAY_MS, dayAt } from './orders.ts';

const HOUR_MS = 3_600_000;
/** An order is returned, or not, within this time. */
const LABEL_DELAY_MS = 3 * HOUR_MS;
const TREES = 30;

/** One replay of orders: days that train the first version, and the answers to the days after them. */
export interface OrdersReplay {
  /** Names the folder of the replay. */
  readonly name: string;
  readonly trainedDays: number;
  /** Whether labels come; without them only features and scores are watched. */
  readonly labels?: boolean;
  readonly injections?: readonly Injection[];
  /** `watch`: it decides, and nothing is done. */
  readonly playbook: 'watch' | 'act';
}

/** Replays a file of orders through a project, its monitors and its playbook, by the clock of the rows. */
export async function replayedOrders(
  { folder, signal, say }: Pick<LabWorld, 'folder' | 'signal' | 'say'>,
  path: string,
  { name, trainedDays, labels = true, injections = [], playbook }: OrdersReplay,
): Promise<FileReplay> {
  const isDry = playbook === 'watch';
  const plan: Omit<ReplayPlan, 'windowMs' | 'labelWithinMs'> = {
    ...{ retrain: !isDry, schedule: null, trainingWindowMs: null, rule: 'default', isDry, trees: TREES },
  };
  const table = await openTableFile(path);
  try {
    const replayed = await replayFile(table, {
      ...{ time: 'at', everyMs: 0, score: null, labelled: null, labelDelayMs: LABEL_DELAY_MS, labelWithinMs: null },
      ...{ label: labels ? 'returned' : null, features: [], ignore: labels ? [] : ['returned'] },
      ...{ until: dayAt(trainedDays), share: 0.5, windowMs: DAY_MS, plan, injections },
      directory: join(folder, name),
      onLine: (line) => say(`${name}: ${line}`),
      stopped: () => signal.aborted,
    });
    signal.throwIfAborted();
    return replayed;
  } finally {
    await table.close();
  }
}

/** The mean squared error of the scores that were answered in a span of days. */
export function lossOf({ predictions: { at, scores, labels } }: FileReplay, fromDay: number, toDay: number): number {
  let [sum, count] = [0, 0];
  for (const [i, time] of at.entries()) {
    const [score, label] = [scores[i], labels[i]];
    if (time < dayAt(fromDay) || time >= dayAt(toDay) || score === null || label === null) continue;
    sum += (score - label) ** 2;
    count += 1;
  }
  return sum / count;
}
