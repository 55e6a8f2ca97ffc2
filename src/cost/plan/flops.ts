import { fail } from '../../base/errors/fail.ts';

/** A transformer, for its work per token. */
export interface TransformerShape {
  readonly parameters: number;
  readonly layers: number;
  readonly heads: number;
  readonly headSize: number;
  readonly sequence: number;
}

/** FLOPs of training one token: 6N + 12·L·H·Q·T; with full recomputation 8N + 16·L·H·Q·T (Chowdhery et al. 2022, appendix B). */
export function flopsPerToken(shape: TransformerShape, recompute = false): number {
  const attention = shape.layers * shape.heads * shape.headSize * shape.sequence;
  return recompute ? 8 * shape.parameters + 16 * attention : 6 * shape.parameters + 12 * attention;
}

/** Dense peaks in FLOP/s. Data sheets also print figures for structured sparsity, which are twice as high and not reached by training. */
const densePeaks: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  A100: { fp32: 19.5e12, tf32: 156e12, fp16: 312e12, bf16: 312e12 },
  H100: { fp32: 67e12, tf32: 495e12, fp16: 989e12, bf16: 989e12, fp8: 1979e12 },
  V100: { fp32: 15.7e12, fp16: 125e12 },
};

/** The dense peak of an accelerator by the name of an offer (`A100-80GB`); undefined where it is not known. */
export function densePeak(accelerator: string, precision: string): number | undefined {
  return densePeaks[accelerator.split('-')[0] ?? '']?.[precision];
}

const MOST_MFU = 0.65;
const LEAST_MFU = 0.25;

/** Model FLOPs utilisation, and what it says about its inputs. */
export interface Mfu {
  readonly share: number;
  readonly verdict: 'plausible' | 'profile before planning';
}

/** MFU = tokens/s · FLOPs per token / (GPUs · dense peak). Errors: COST_JOB above 65 %, which no training reaches. */
export function mfuOf(tokensPerS: number, perToken: number, gpus: number, peak: number): Mfu {
  const share = (tokensPerS * perToken) / (gpus * peak);
  if (!(share <= MOST_MFU))
    throw fail('COST_JOB', {
      reason: `its model FLOPs utilisation would be ${(100 * share).toFixed(0)} %, and training reaches at most 65 %: check tokens, parameters and precision`,
    });
  return { share, verdict: share < LEAST_MFU ? 'profile before planning' : 'plausible' };
}
