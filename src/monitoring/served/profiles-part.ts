import type { PartKind } from '../../observe/part-kind.ts';
import type { ServiceCounts } from './served-profiles.ts';

/** The profiles of the vectors that a process serves, as `GET /v1/status` has them. */
export interface ProfilesStatus {
  readonly profiles: {
    /** Whether the configuration has them on. */
    readonly on: boolean;
    /** Vectors served since the start. */
    readonly served: number;
    /** Those of them that are in no profile. */
    readonly unprofiled: number;
    /** Rows that nobody has taken and that were dropped. */
    readonly lostRows: number;
  };
}

export interface ProfilesSource {
  readonly on: boolean;
  readonly counts: () => readonly ServiceCounts[];
  readonly lostRows: () => number;
  /** Batches of rows that wait for the process that writes; left out: none waits. */
  readonly waiting?: () => number;
}

/** The profiles of served vectors. */
export const profilesPart: PartKind<ProfilesSource, ProfilesStatus> = {
  name: 'profiles',
  figures: [
    {
      name: 'headrace_profiled_vectors_total',
      type: 'counter',
      unit: 'vectors',
      labels: ['service'],
      help: 'Served vectors that are in a profile',
      read: ({ counts }) => counts().map(({ service, served, unprofiled }) => [{ service }, served - unprofiled]),
    },
    {
      name: 'headrace_unprofiled_vectors_total',
      type: 'counter',
      unit: 'vectors',
      labels: ['service'],
      help: 'Served vectors that are in no profile, because profiling did not keep up or failed',
      read: ({ counts }) => counts().map(({ service, unprofiled }) => [{ service }, unprofiled]),
    },
  ],
  health: ({ counts, lostRows, waiting = () => 0 }) => [
    ...counts().flatMap(({ service, unprofiled }) =>
      unprofiled === 0 ? [] : [`${unprofiled} served vectors of ${service} are in no profile`],
    ),
    ...(waiting() === 0 ? [] : [`${waiting()} batches of profiles wait for the process that writes`]),
    ...(lostRows() === 0 ? [] : [`${lostRows()} rows of profiles were dropped: no process took them`]),
  ],
  status: ({ on, counts, lostRows }) => ({
    profiles: {
      on,
      served: counts().reduce((sum, { served }) => sum + served, 0),
      unprofiled: counts().reduce((sum, { unprofiled }) => sum + unprofiled, 0),
      lostRows: lostRows(),
    },
  }),
  merge: (shares) => ({
    profiles: {
      on: shares.some(({ profiles }) => profiles.on),
      served: shares.reduce((sum, { profiles }) => sum + profiles.served, 0),
      unprofiled: shares.reduce((sum, { profiles }) => sum + profiles.unprofiled, 0),
      lostRows: shares.reduce((sum, { profiles }) => sum + profiles.lostRows, 0),
    },
  }),
  lines: ({ profiles: { on, served, unprofiled } }) =>
    on && served > 0 ? [`profiles  ${served - unprofiled} of ${served} served vectors`] : [],
};
