import { aggregateErrors } from './aggregate.ts';
import { alertErrors } from './alert.ts';
import { authErrors } from './auth.ts';
import { bytesErrors } from './bytes.ts';
import { changeErrors } from './change.ts';
import { cliErrors } from './cli.ts';
import { clientErrors } from './client.ts';
import { clockErrors } from './clock.ts';
import { closeErrors } from './close.ts';
import { costErrors } from './cost.ts';
import { declarationErrors } from './declaration.ts';
import { driftErrors } from './drift.ts';
import { entityErrors } from './entity.ts';
import { eventErrors } from './event.ts';
import { featurestoreErrors } from './featurestore.ts';
import { fileErrors } from './file.ts';
import { flinkErrors } from './flink.ts';
import { gpuErrors } from './gpu.ts';
import { instantErrors } from './instant.ts';
import { jobErrors } from './job.ts';
import { labErrors } from './lab.ts';
import { logErrors } from './log.ts';
import { migrateErrors } from './migrate.ts';
import { modelErrors } from './model.ts';
import { offlineErrors } from './offline.ts';
import { oipErrors } from './oip.ts';
import { operatingErrors } from './operating.ts';
import { planErrors } from './plan.ts';
import { playbookErrors } from './playbook.ts';
import { predictErrors } from './predict.ts';
import { predictionErrors } from './prediction.ts';
import { pythonErrors } from './python.ts';
import { redisErrors } from './redis.ts';
import { registryErrors } from './registry.ts';
import { reportErrors } from './report.ts';
import { requestErrors } from './request.ts';
import { rolloutErrors } from './rollout.ts';
import { runErrors } from './run.ts';
import { schemaErrors } from './schema.ts';
import { serverErrors } from './server.ts';
import { sloErrors } from './slo.ts';
import { sparkErrors } from './spark.ts';
import { spineErrors } from './spine.ts';
import { storeErrors } from './store.ts';
import { streamErrors } from './stream.ts';
import { sweepErrors } from './sweep.ts';
import { tilesErrors } from './tiles.ts';
import { topicErrors } from './topic.ts';
import { traceErrors } from './trace.ts';
import { verifyErrors } from './verify.ts';

/** Every error a user can meet, by code. docs/reference/errors.md is checked against it in both directions. */
export const catalogue = {
  ...migrateErrors,
  ...modelErrors,
  ...oipErrors,
  ...rolloutErrors,
  ...playbookErrors,
  ...gpuErrors,
  ...instantErrors,
  ...clockErrors,
  ...fileErrors,
  ...flinkErrors,
  ...jobErrors,
  ...labErrors,
  ...logErrors,
  ...featurestoreErrors,
  ...aggregateErrors,
  ...alertErrors,
  ...authErrors,
  ...bytesErrors,
  ...cliErrors,
  ...clientErrors,
  ...costErrors,
  ...closeErrors,
  ...serverErrors,
  ...sloErrors,
  ...storeErrors,
  ...streamErrors,
  ...tilesErrors,
  ...runErrors,
  ...schemaErrors,
  ...topicErrors,
  ...traceErrors,
  ...driftErrors,
  ...entityErrors,
  ...eventErrors,
  ...offlineErrors,
  ...operatingErrors,
  ...planErrors,
  ...predictErrors,
  ...predictionErrors,
  ...pythonErrors,
  ...redisErrors,
  ...registryErrors,
  ...reportErrors,
  ...requestErrors,
  ...declarationErrors,
  ...changeErrors,
  ...spineErrors,
  ...sweepErrors,
  ...sparkErrors,
  ...verifyErrors,
} as const;
