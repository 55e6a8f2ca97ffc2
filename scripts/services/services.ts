import { alertmanager } from './alertmanager.ts';
import { chromium } from './chromium.ts';
import { flink } from './flink.ts';
import { kafka } from './kafka.ts';
import { mlflow2, mlflow3, mlflowModels, mlflowTorch } from './mlflow.ts';
import { moto } from './moto.ts';
import { postgres } from './postgres.ts';
import { pythonClient2, pythonClient3 } from './python-client.ts';
import { redis } from './redis.ts';
import { redisCluster } from './redis-cluster.ts';
import type { Service } from './service.ts';
import { skypilot } from './skypilot.ts';
import { slurm } from './slurm.ts';
import { spark, sparkCluster } from './spark.ts';
import { sparkConnect } from './spark-connect.ts';
import { sparkScore } from './spark-score.ts';
import { torch } from './torch.ts';
import { valkey } from './valkey.ts';
import { versitygw } from './versitygw.ts';

/** Every service; another is a file and a line here. */
export const services: readonly Service[] = [
  redis,
  valkey,
  redisCluster,
  kafka,
  flink,
  spark,
  sparkCluster,
  sparkConnect,
  sparkScore,
  moto,
  versitygw,
  torch,
  slurm,
  skypilot,
  postgres,
  alertmanager,
  chromium,
  mlflow2,
  mlflow3,
  mlflowModels,
  mlflowTorch,
  pythonClient2,
  pythonClient3,
];

/** The services that set some of these variables. */
export function servicesOf(variables: ReadonlySet<string>): readonly Service[] {
  return services.filter(({ sets }) => sets.some((variable) => variables.has(variable)));
}
