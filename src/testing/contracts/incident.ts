import type { MaybePromise } from '../../base/maybe-promise.ts';
import { fingerprintOf, type Incident, type IncidentPort } from '../../ports/incident.ts';
import { type Contract, mustEqual } from './contract.ts';

/** The subject: one keeper of incidents, empty at first, that may be opened many times. */
export interface IncidentSubject {
  open(): MaybePromise<IncidentPort>;
}

/** An incident as a caller opens it. */
function newIncident(cause: string, changes: Partial<Incident> = {}): Incident {
  return {
    fingerprint: fingerprintOf({ model: 'm', kind: 'qualityFault' }, [cause]),
    kind: 'qualityFault',
    severity: 'page',
    tier: 0,
    model: 'm',
    slice: null,
    owner: 'fraud-team',
    summary: `o’clock — ${cause} 🙂`,
    evidence: { share: 0.25, features: [cause] },
    at: 1_000,
    ...changes,
  };
}

/** Rules of `ports/incident.ts`. */
export const incidentContracts: readonly Contract<IncidentSubject>[] = [
  {
    rule: 1,
    name: 'a cause has one open incident, and a new one after it was resolved',
    needs: [],
    run: async (subject) => {
      const incidents = await subject.open();
      mustEqual(await incidents.open(newIncident('amount')), 'opened', 'the first');
      mustEqual(await incidents.open(newIncident('amount', { at: 2_000 })), 'updated', 'the same cause');
      mustEqual(await incidents.open(newIncident('user')), 'opened', 'another cause');
      const open = await incidents.active();
      mustEqual(
        open.map(({ at, fingerprint }) => [at, fingerprint]),
        [
          [2_000, 'm/qualityFault/amount'],
          [1_000, 'm/qualityFault/user'],
        ],
        'open incidents',
      );
      await incidents.resolve('m/qualityFault/amount', { at: 3_000, reason: 'gone' });
      mustEqual(await incidents.open(newIncident('amount', { at: 4_000 })), 'opened', 'the cause is back');
    },
  },
  {
    rule: 2,
    name: 'the same call again changes nothing',
    needs: [],
    run: async (subject) => {
      const incidents = await subject.open();
      await incidents.open(newIncident('amount'));
      const before = await incidents.active();
      await incidents.open(newIncident('amount'));
      mustEqual(await incidents.active(), before, 'after the same open');
      const over = { at: 3_000, reason: 'gone' };
      await incidents.resolve('m/qualityFault/amount', over);
      await incidents.resolve('m/qualityFault/amount', over);
      mustEqual(await incidents.active(), [], 'after the same resolve');
    },
  },
  {
    rule: 3,
    name: 'an update changes an open incident, and no other',
    needs: [],
    run: async (subject) => {
      const incidents = await subject.open();
      await incidents.update('m/qualityFault/amount', { at: 2_000, evidence: {} });
      mustEqual(await incidents.active(), [], 'an update of nothing');
      await incidents.open(newIncident('amount'));
      await incidents.update('m/qualityFault/amount', { at: 2_000, evidence: { share: 0.5 }, severity: 'ticket' });
      mustEqual(
        await incidents.active(),
        [newIncident('amount', { at: 2_000, evidence: { share: 0.5 }, severity: 'ticket' })],
        'the updated incident',
      );
    },
  },
  {
    rule: 4,
    name: 'a resolution of nothing does nothing',
    needs: [],
    run: async (subject) => {
      const incidents = await subject.open();
      await incidents.open(newIncident('user'));
      await incidents.resolve('m/qualityFault/amount', { at: 2_000, reason: 'gone' });
      mustEqual((await incidents.active()).length, 1, 'open incidents');
    },
  },
];
