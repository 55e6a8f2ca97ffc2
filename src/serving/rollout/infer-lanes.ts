import { isHeadraceError } from '../../base/errors/fail.ts';
import { scoresOfTensor } from '../../model/scores.ts';
import { callerKey } from '../../versions/request/caller-key.ts';
import type { InferReply, InferRequest } from '../../versions/request/infer-request.ts';
import { ID_PARAMETER, missingIn } from '../online/tensor-prediction.ts';
import type { CallLanes } from './call-lanes.ts';
import { callerGroup } from './caller-groups.ts';
import type { Outcome } from './evidence-counter.ts';
import type { Cohort } from './lane.ts';
import type { TensorCopy } from './shadow-copy.ts';

/** The version that answers a tensor request during a rollout. */
export interface InferLane {
  readonly version: string;
  /** Versions that must be loaded for the request to have a lane. */
  readonly needed: readonly string[];
  readonly cohort: Cohort;
  readonly rollout: string;
  /** Answers, counts the outcome, and copies the request to the shadow. Errors: those of the answer. */
  answered(answer: () => Promise<InferReply>, versions: LaneVersions): Promise<InferReply>;
}

/** The versions of a rollout, as a lane asks for them. */
export interface LaneVersions {
  /** Whether the version of the lane is the only one that does not take the request. */
  readonly isOwnRefusal: () => boolean;
  /** Runs the same request by a version, for nobody. */
  readonly runAs: (version: string) => Promise<InferReply>;
  /** The API key of the caller; empty: it has none. */
  readonly tenant: string;
}

/** The lane of a tensor request that names no version; null: no rollout is under way. */
export function inferLane(lanes: Pick<CallLanes, 'laneOf'>, request: InferRequest): InferLane | null {
  const key = callerKey(request);
  const lane = lanes.laneOf(key);
  if (lane === null) return null;
  const { version, cohort, rollout, count, shadow } = lane;
  return {
    version: String(version),
    needed: lane.needed.map(String),
    cohort,
    rollout,
    answered: async (answer, { isOwnRefusal, runAs, tenant }) => {
      const began = performance.now();
      try {
        const reply = await lane.during(answer);
        const scores = scoresOf(reply, lane.output);
        const isSound = scores.every(Number.isFinite);
        // The wait in the queue is of the lane's callers, whatever its version.
        count(isSound ? 'scored' : 'nonFinite', reply.computeMs, isSound ? scores : []);
        shadow?.({
          scores,
          group: groupOf(key ?? tenant),
          prediction: predictionOf(request),
          run: async (candidate, output) => scoresOf(await runAs(String(candidate)), output),
        });
        return { ...reply, lane: { cohort, rollout, group: callerGroup(key ?? '') } };
      } catch (error) {
        const outcome = outcomeOf(error) ?? (isOwnRefusal() ? 'error' : null);
        if (outcome !== null) count(outcome, performance.now() - began, []);
        throw error;
      }
    },
  };
}

/** The group of a caller: of its key, otherwise of the API key that it called with. Null: it is unknown. */
function groupOf(caller: string): number | null {
  return caller === '' ? null : callerGroup(caller);
}

/** The prediction that a request names; null: it names none, and nothing of it is logged. */
function predictionOf(request: InferRequest): TensorCopy['prediction'] {
  const id = request.parameters[ID_PARAMETER];
  return id === undefined ? null : { id: String(id), missing: missingIn(request) };
}

/** The scores of a reply, one a row; none where the version's output is left out, or has neither one nor two numbers a row. */
function scoresOf({ outputs }: InferReply, output: string): readonly number[] {
  const tensor = outputs.find(({ name }) => name === output);
  if (tensor === undefined || tensor.type === 'BYTES' || tensor.type === 'FP16' || tensor.type === 'BF16') return [];
  const { data, shape } = tensor;
  const [rows] = shape;
  return data.length === rows || data.length === 2 * rows ? [...scoresOfTensor(data, rows)] : [];
}

/**
 * A refused request is its caller's mistake, unless another version takes it. MODEL_TENSOR is none of these: the request was
 * checked before, and the run of the version failed on it.
 */
function outcomeOf(error: unknown): Outcome | null {
  if (!isHeadraceError(error) || error.code === 'MODEL_TENSOR') return 'error';
  if (error.status === 503) return 'timeout';
  return error.status >= 500 ? 'error' : null;
}
