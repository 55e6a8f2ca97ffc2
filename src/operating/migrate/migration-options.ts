import type { Clock } from '../../base/time.ts';
import type { Environment } from '../../environment/config.ts';
import type { ProjectData } from '../../features/define/declaration.ts';

export interface MigrationOptions {
  readonly project: ProjectData;
  readonly from: Environment;
  readonly to: Environment;
  readonly clock: Clock;
  /** Receives its progress in words. */
  readonly tell: (line: string) => void;
  readonly onFault: (error: unknown) => void;
}

/** The copied deliveries of a source. */
export interface CopiedSource {
  readonly source: string;
  readonly deliveries: number;
  /** Deliveries before the first that the history still has. */
  readonly lost: number;
}
