import type { Route } from '../route.ts';
import { forgetEntity, promoteModel, runBatchView } from './admin.ts';
import { changeAlerts, readAlerts } from './alerts.ts';
import { consoleRoutes } from './console.ts';
import { docsRoutes } from './docs.ts';
import { readDrift } from './drift.ts';
import { readDriftReport } from './drift-report.ts';
import { sendEvents } from './events.ts';
import { explainFeatures } from './explanations.ts';
import { readFeatureReport } from './feature-report.ts';
import { readFeatures } from './features.ts';
import { compareFiles, diagnoseFiles, planFiles } from './files.ts';
import { generateRoutes } from './generate.ts';
import { listIncidents, readIncident } from './incidents.ts';
import { cancelJob, flush, listDeadRows, listJobs, readJob, startJob } from './jobs.ts';
import { changeLab, listLabs, readLab } from './labs.ts';
import { readLive } from './live.ts';
import { readModelSet } from './model-sets.ts';
import { listModels, listMoves, readModel } from './models.ts';
import { oipRoutes } from './oip.ts';
import { listBackups, listKeys, readAudit } from './operating.ts';
import { budgets, health, metrics, openapi, readiness, slo, status } from './operations.ts';
import { changePlaybook, listPlaybooks, readPlaybook } from './playbooks.ts';
import { predict } from './predictions.ts';
import { readProject } from './project.ts';
import { readQuality } from './quality.ts';
import { changeRollout, listRollouts, readRollout } from './rollouts.ts';
import { listExperiments, listRuns, readCurves } from './runs.ts';
import { readSession } from './session.ts';
import { sharedMemoryRoutes } from './shared-memory.ts';
import { changeStream, readStream, readStreamOutputs, scoreStreamAgain } from './streams.ts';
import { listTrainingRuns } from './training-runs.ts';
import { writeTrainingSet } from './training-sets.ts';

/** Every route of the server, in the order of the page. Nothing else lists routes. */
export const allRoutes: readonly Route[] = [
  sendEvents,
  readFeatures,
  explainFeatures,
  readFeatureReport,
  predict,
  writeTrainingSet,
  readModelSet,
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
  listDeadRows,
  cancelJob,
  flush,
  listKeys,
  readAudit,
  listBackups,
  listModels,
  readModel,
  listMoves,
  listExperiments,
  listRuns,
  readCurves,
  listTrainingRuns,
  readQuality,
  readDrift,
  readDriftReport,
  compareFiles,
  diagnoseFiles,
  planFiles,
  readAlerts,
  listIncidents,
  readIncident,
  changeAlerts,
  listPlaybooks,
  readPlaybook,
  ...oipRoutes,
  ...sharedMemoryRoutes,
  ...generateRoutes,
  readRollout,
  readStream,
  listRollouts,
  listLabs,
  readLab,
  changeLab,
  readProject,
  readSession,
  readLive,
  ...consoleRoutes,
  ...docsRoutes,
  health,
  readiness,
  status,
  slo,
  budgets,
  metrics,
  openapi,
];
