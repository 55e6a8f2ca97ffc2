import type { MlflowRoute } from './mlflow-route.ts';
import { artifactRoutes } from './routes/artifacts.ts';
import { experimentRoutes } from './routes/experiments.ts';
import { loggedModelRoutes } from './routes/logged-models.ts';
import { metricRoutes } from './routes/metrics.ts';
import { modelVersionRoutes } from './routes/model-versions.ts';
import { multipartRoutes } from './routes/multipart.ts';
import { registeredModelRoutes } from './routes/registered-models.ts';
import { runArtifactRoutes } from './routes/run-artifacts.ts';
import { runRoutes } from './routes/runs.ts';
import { serverInfoRoutes } from './routes/server-info.ts';
import { webhookRoutes } from './routes/webhooks.ts';

/** Every route that MLflow's clients call. Nothing else lists them. */
export const allMlflowRoutes: readonly MlflowRoute[] = [
  ...experimentRoutes,
  ...runRoutes,
  ...metricRoutes,
  ...runArtifactRoutes,
  ...loggedModelRoutes,
  ...registeredModelRoutes,
  ...modelVersionRoutes,
  ...artifactRoutes,
  ...multipartRoutes,
  ...webhookRoutes,
  ...serverInfoRoutes,
];
