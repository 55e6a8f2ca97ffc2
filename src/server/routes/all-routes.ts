import type { FastifyInstance } from 'fastify';
import type { Headrace } from '../../headrace.ts';
import type { JobBoard } from '../jobs/job-board.ts';
import { adminRoutes } from './admin.ts';
import { eventRoutes } from './events.ts';
import { featureRoutes } from './features.ts';
import { jobRoutes } from './jobs.ts';
import { modelRoutes } from './models.ts';
import { operationRoutes } from './operations.ts';
import { predictionRoutes } from './predictions.ts';
import { trainingSetRoutes } from './training-sets.ts';

/** Every route of a process that writes: those that `openapi.ts` describes, tested both ways. */
export function allRoutes(server: FastifyInstance, headrace: Headrace, jobs: JobBoard, spineLimit?: number): void {
  featureRoutes(server, headrace);
  eventRoutes(server, headrace);
  predictionRoutes(server, headrace);
  trainingSetRoutes(server, headrace, spineLimit);
  modelRoutes(server, headrace);
  adminRoutes(server, headrace);
  jobRoutes(server, headrace, jobs);
  operationRoutes(server, headrace, null);
}
