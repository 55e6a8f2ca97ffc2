import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EnvironmentOptions, resolveEnvironment } from '../../src/environment/config.ts';
import { defineProject } from '../../src/features/define/declare.ts';
import { fingerprintOf, type Incident } from '../../src/ports/incident.ts';
import { type Alerts, openAlerts } from '../../src/site/open-alerts.ts';
import { Site } from '../../src/site/site.ts';
import { asked, came, service } from '../models/small-project.ts';

export const project = defineProject('shop', { asked, came, service });

/** Incidents of an environment, with a clock that the test moves. */
export interface Desk {
  readonly directory: string;
  readonly alerts: Alerts;
  readonly faults: unknown[];
  now: number;
  /** Moves the clock and delivers. */
  after(ms: number): Promise<number>;
  /** Opens the same files again, as after a restart. */
  again(): Promise<Desk>;
  /** Sends until nothing is due, moving the clock past every backoff. */
  drain(): Promise<void>;
}

export const START = Date.UTC(2026, 0, 5);

export async function openDesk(
  options: EnvironmentOptions['alerts'],
  directory = mkdtempSync(join(tmpdir(), 'headrace-alerts-')),
  at = START,
): Promise<Desk> {
  const faults: unknown[] = [];
  const environment = resolveEnvironment('local', { directory, alerts: options }, project.name);
  const onFault = (error: unknown) => faults.push(error);
  const site = new Site({ project, environment, clock: () => desk.now, onFault });
  const alerts = await openAlerts(site);
  const desk: Desk = {
    directory,
    alerts,
    faults,
    now: at,
    after: async (ms) => {
      desk.now += ms;
      return alerts.deliver();
    },
    again: async () => {
      await site.close();
      return openDesk(options, directory, desk.now);
    },
    drain: async () => {
      for (let i = 0; i < 100; i += 1) {
        await desk.after(300_000);
        if ((await alerts.store.unsettled()).every(({ state }) => state === 'dead')) return;
      }
      throw new Error('messages are still waiting');
    },
  };
  return desk;
}

export function incident(changes: Partial<Incident> = {}): Incident {
  const { model = 'fraud', kind = 'conceptDrift' } = changes;
  return {
    fingerprint: fingerprintOf({ model, kind }, []),
    kind,
    severity: 'page',
    tier: 3,
    model,
    slice: null,
    owner: 'fraud-team',
    summary: 'the realised brier rose',
    evidence: { metric: 'brier', before: 0.1, after: 0.2 },
    at: START,
    ...changes,
  };
}
