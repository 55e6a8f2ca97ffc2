import type { Command } from './command.ts';
import { auditSkew } from './commands/audit-skew.ts';
import { backfill } from './commands/backfill.ts';
import { dev } from './commands/dev.ts';
import { featuresGet } from './commands/features-get.ts';
import { gpu } from './commands/gpu.ts';
import { init } from './commands/init.ts';
import { models } from './commands/models.ts';
import { plan } from './commands/plan.ts';
import { serve } from './commands/serve.ts';
import { train } from './commands/train.ts';
import { trainingSet } from './commands/training-set.ts';

/** Every command, in the order of the help page. */
export const commands: readonly Command[] = [
  init,
  plan,
  dev,
  serve,
  featuresGet,
  backfill,
  trainingSet,
  train,
  models,
  auditSkew,
  gpu,
];
