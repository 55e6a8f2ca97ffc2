import type { Route } from '../route.ts';
import { forgetEntity, promoteModel, runBatchView } from './admin.ts';
import { changeAlerts, readAlerts } from './alerts.ts';
import { readDrift } from './drift.ts';
import { readDriftReport } from './drift-report.ts';
import { sendEvents } from './events.ts';
import { readFeatures } from './features.ts';
import { generateRoutes } from './generate.ts';
import { cancelJob, flush, listJobs, readJob, startJob } from './jobs.ts';
import { listModels, readModel } from './models.ts';
import { oipRoutes } from './oip.ts';
import { health, metrics, openapi, readiness, slo, status } from './operations.ts';
import { changePlaybook, readPlaybook } from './playbooks.ts';
import { predict } from './predictions.ts';
import { readQuality } from './quality.ts';
import { changeRollout, readRollout } from './rollouts.ts';
import { sharedMemoryRoutes } from './shared-memory.ts';
import { changeStream, readStream, readStreamOutputs, scoreStreamAgain } from './streams.ts';
import { writeTrainingSet } from './training-sets.ts';

/** Every route of the server, in the order of the page. Nothing else lists routes. */
export const allRoutes: readonly Route[] = [
  sendEvents,
  readFeatures,
  predict,
  writeTrainingSet,
  forgetEntity,
  runBatchView,
  promoteModel,
  changeRollout,
  changeStream,
  scoreStreamAgain,
  readStreamOutputs,
  changePlaybook,
  startJob,
  listJobs,
  readJob,
  cancelJob,
  flush,
  listModels,
  readModel,
  readQuality,
  readDrift,
  readDriftReport,
  readAlerts,
  changeAlerts,
  readPlaybook,
  ...oipRoutes,
  ...sharedMemoryRoutes,
  ...generateRoutes,
  readRollout,
  readStream,
  health,
  readiness,
  status,
  slo,
  metrics,
  openapi,
];
