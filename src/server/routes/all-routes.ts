import type { FastifyInstance } from 'fastify';
import type { Headrace } from '../../headrace.ts';
import { adminRoutes } from './admin.ts';
import { eventRoutes } from './events.ts';
import { featureRoutes } from './features.ts';
import { operationRoutes } from './operations.ts';
import { predictionRoutes } from './predictions.ts';
import { trainingSetRoutes } from './training-sets.ts';

/** Every route of a process that writes: those that `openapi.ts` describes, tested both ways. */
export function allRoutes(server: FastifyInstance, headrace: Headrace, spineLimit?: number): void {
  featureRoutes(server, headrace);
  eventRoutes(server, headrace);
  predictionRoutes(server, headrace);
  trainingSetRoutes(server, headrace, spineLimit);
  adminRoutes(server, headrace);
  operationRoutes(server, headrace, null);
}
