import type { ResolvedMonitor } from '../features/define/monitor.ts';
import type { Incident } from '../ports/incident.ts';

/** A kind of finding as an incident. */
type Grade = Pick<Incident, 'severity' | 'tier'> & {
  readonly kind: Extract<Incident['kind'], 'qualityFault' | 'dataDrift' | 'predictionDrift' | 'conceptDrift'>;
};

/** The incident of broken inputs, whichever monitor found them. */
export const FAULT = { kind: 'qualityFault', severity: 'page', tier: 0 } as const satisfies Grade;

/** The incident of the drift that a monitor finds: its kind, its tier and its urgency. */
export const DRIFTS = {
  featureDrift: { kind: 'dataDrift', severity: 'digest', tier: 1 },
  predictionDrift: { kind: 'predictionDrift', severity: 'ticket', tier: 2 },
  conceptDrift: { kind: 'conceptDrift', severity: 'page', tier: 3 },
  // An estimate cannot see that labels mean something else: it asks for labels, and trains nothing.
  estimatedQuality: { kind: 'predictionDrift', severity: 'ticket', tier: 2 },
} as const satisfies Readonly<Record<ResolvedMonitor['kind'], Grade>>;

/** Kinds of incidents that come from findings: the judge of the environment opens them, once for each cause. */
export const FOUND_KINDS: readonly Incident['kind'][] = [
  'qualityFault',
  'dataDrift',
  'predictionDrift',
  'conceptDrift',
];
