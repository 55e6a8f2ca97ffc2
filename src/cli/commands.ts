import type { Command } from './command.ts';
import { alertsAcknowledge, alertsRetry, alertsRules, alertsSilence } from './commands/alerts/change.ts';
import { alertsList } from './commands/alerts/list.ts';
import { alertsTest } from './commands/alerts/test.ts';
import { auditSkew } from './commands/audit-skew.ts';
import { backfill } from './commands/backfill.ts';
import { backup } from './commands/backup.ts';
import { completionOf } from './commands/completion.ts';
import { costPlan } from './commands/cost/plan.ts';
import { costPricesDiff, costPricesImport, costPricesList } from './commands/cost/prices.ts';
import { costProfile } from './commands/cost/profile.ts';
import { costSpot } from './commands/cost/spot.ts';
import { costVerify } from './commands/cost/verify.ts';
import { dev } from './commands/dev.ts';
import { driftCompare } from './commands/drift-compare.ts';
import { driftEstimate } from './commands/drift-estimate.ts';
import { driftProfile } from './commands/drift-profile.ts';
import { driftReplay } from './commands/drift-replay.ts';
import { driftReport } from './commands/drift-report.ts';
import { driftStatus } from './commands/drift-status.ts';
import { driftTest } from './commands/drift-test.ts';
import { featuresGet } from './commands/features-get.ts';
import { featuresReport } from './commands/features-report.ts';
import { forget } from './commands/forget.ts';
import { gpuCommands } from './commands/gpu.ts';
import { ingest } from './commands/ingest.ts';
import { init } from './commands/init.ts';
import { keysCreate, keysGrant, keysImport, keysList, keysRevoke } from './commands/keys.ts';
import { labs } from './commands/labs.ts';
import { labsSolve } from './commands/labs-solve.ts';
import { logRepairClock } from './commands/log-repair-clock.ts';
import { mcp } from './commands/mcp.ts';
import { migrateCopy, migrateCutOver, migrateRollBack, migrateStatus } from './commands/migrate.ts';
import { models } from './commands/models.ts';
import { modelsQuality } from './commands/models-quality.ts';
import { monitor } from './commands/monitor.ts';
import { plan } from './commands/plan.ts';
import {
  playbookAccept,
  playbookApprove,
  playbookFreeze,
  playbookLog,
  playbookReplay,
  playbookStatus,
} from './commands/playbook.ts';
import { predict } from './commands/predict.ts';
import { registry } from './commands/registry.ts';
import { registryAlias, registryDecide, registryGate } from './commands/registry-gates.ts';
import { registryHolds } from './commands/registry-holds.ts';
import { registryPrepare } from './commands/registry-prepare.ts';
import { registryReference } from './commands/registry-reference.ts';
import { registryUpstream } from './commands/registry-upstream.ts';
import { registryCollect, registryCopy, registryVersions } from './commands/registry-versions.ts';
import { restore } from './commands/restore.ts';
import { rolloutHold, rolloutPromote, rolloutRollback, rolloutStart, rolloutStatus } from './commands/rollout.ts';
import { serve } from './commands/serve.ts';
import { serveAdvise } from './commands/serve-advise.ts';
import { slo } from './commands/slo.ts';
import { status } from './commands/status.ts';
import {
  streamAbort,
  streamCancel,
  streamCommit,
  streamRead,
  streamReprocess,
  streamRoll,
  streamShadow,
  streamStatus,
} from './commands/stream.ts';
import { sweepRun } from './commands/sweep-run.ts';
import { sweepScale } from './commands/sweep-scale.ts';
import { tilesDeploy, tilesLogs, tilesStatus, tilesStop, tilesUpgrade, tilesWrite } from './commands/tiles.ts';
import { train } from './commands/train.ts';
import { trainDrill } from './commands/train-drill.ts';
import { trainExport } from './commands/train-export.ts';
import { trainJob } from './commands/train-job.ts';
import { trainRun } from './commands/train-run.ts';
import { trainingSet } from './commands/training-set.ts';
import { verify } from './commands/verify.ts';

/** A task of the help page with its commands. */
export interface CommandGroup {
  readonly title: string;
  readonly commands: readonly Command[];
}

const completion = completionOf(() => commands);

/** Every command by its task, in the order of the help page. */
export const commandGroups: readonly CommandGroup[] = [
  { title: 'Start here: five commands that a project begins with', commands: [init, dev, ingest, featuresGet, status] },
  { title: 'Learn on a running system', commands: [labs, labsSolve] },
  { title: 'Declare and check', commands: [plan, verify] },
  { title: 'Serve', commands: [serve, serveAdvise, mcp, slo, keysCreate, keysGrant, keysList, keysRevoke, keysImport] },
  { title: 'Features and their history', commands: [featuresReport, backfill, trainingSet, auditSkew] },
  { title: 'Train', commands: [train, trainRun, trainJob, trainDrill, trainExport, sweepRun, sweepScale] },
  {
    title: 'Models and their registry',
    commands: [
      models,
      modelsQuality,
      registry,
      registryVersions,
      registryAlias,
      registryGate,
      registryDecide,
      registryCopy,
      registryCollect,
      registryHolds,
      registryPrepare,
      registryReference,
      registryUpstream,
    ],
  },
  {
    title: 'Predict, roll out and score streams',
    commands: [
      predict,
      rolloutStart,
      rolloutStatus,
      rolloutPromote,
      rolloutHold,
      rolloutRollback,
      streamStatus,
      streamRoll,
      streamCommit,
      streamAbort,
      streamCancel,
      streamShadow,
      streamRead,
      streamReprocess,
    ],
  },
  {
    title: 'Drift: files of any origin, and served models',
    commands: [driftCompare, driftTest, driftProfile, driftEstimate, driftReplay, driftStatus, driftReport],
  },
  {
    title: 'Monitors, alerts and playbooks',
    commands: [
      monitor,
      alertsList,
      alertsTest,
      alertsAcknowledge,
      alertsSilence,
      alertsRetry,
      alertsRules,
      playbookStatus,
      playbookLog,
      playbookApprove,
      playbookAccept,
      playbookFreeze,
      playbookReplay,
    ],
  },
  { title: 'GPUs', commands: [...gpuCommands] },
  {
    title: 'Cost of training',
    commands: [costProfile, costPlan, costVerify, costPricesImport, costPricesList, costPricesDiff, costSpot],
  },
  {
    title: 'Operate',
    commands: [
      backup,
      restore,
      forget,
      logRepairClock,
      migrateCopy,
      migrateCutOver,
      migrateRollBack,
      migrateStatus,
      tilesDeploy,
      tilesStatus,
      tilesUpgrade,
      tilesStop,
      tilesLogs,
      tilesWrite,
      completion,
    ],
  },
];

/** Every command, in the order of the help page. */
export const commands: readonly Command[] = commandGroups.flatMap((group) => group.commands);
