import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { logLossOf } from '../../src/stats/log-loss.ts';

/** Mean log loss of the predictions of a folder. */
export function lossOf(folder: string): { readonly loss: number; readonly rows: number } {
  const [, ...lines] = readFileSync(join(folder, 'predictions.csv'), 'utf8').trimEnd().split('\n');
  const losses = lines.flatMap((line) => {
    const [, , score, label] = line.split(',');
    return label === '' || label === undefined ? [] : [logLossOf(Number(score), Number(label))];
  });
  return { loss: losses.reduce((sum, one) => sum + one, 0) / losses.length, rows: losses.length };
}
