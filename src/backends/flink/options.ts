import { z } from 'zod';
import { duration } from '../../ports/options.ts';

export const flinkOptions = z.strictObject({
  kind: z.literal('flink'),
  /** The SQL gateway, which takes the job. */
  gateway: z.url({ protocol: /^https?$/ }),
  /** The job manager, which runs it. */
  cluster: z.url({ protocol: /^https?$/ }),
  /** Time between two checkpoints of the job. Answers say that they are up to this much older than they are. */
  checkpoint: duration.default('1s'),
});
