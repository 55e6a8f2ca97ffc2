import { errorOf } from './reason-of.ts';

/** Time of a step that begins after the deadline, ms: cutting connections and releasing locks takes less. */
const MOMENT_MS = 500;

/** The end of something, step by step: one that fails, or takes too long, does not keep the others from their turn. */
export interface Closing {
  /** Does work that is worth its time only before the deadline, and waits for it up to there. Never throws. */
  work(name: string, step: () => unknown): Promise<void>;
  /** Ends something, however late it is, and waits for it up to the deadline, or for a moment after that. Never throws. */
  end(name: string, step: () => unknown): Promise<void>;
  /** The error of the first step that failed; null: none did. */
  readonly failure: Error | null;
  /** The steps that had not ended in their time. */
  readonly late: readonly string[];
}

/** Begins to close something; all steps together may take `ms`. */
export function closingWithin(ms: number): Closing {
  const late: string[] = [];
  const deadline = performance.now() + ms;
  let failure: Error | null = null;
  const run = async (name: string, step: () => unknown, forMs: number) => {
    if (!(await settlesWithin((async () => step())().catch(note), forMs))) late.push(name);
  };
  const note = (error: unknown) => {
    failure ??= errorOf(error);
  };
  return {
    async work(name, step) {
      const rest = deadline - performance.now();
      if (rest > 0) await run(name, step, rest);
      else late.push(name);
    },
    end: (name, step) => run(name, step, Math.max(deadline - performance.now(), MOMENT_MS)),
    get failure() {
      return failure;
    },
    late,
  };
}

/** Whether work ends within `ms`. Throws its error, if it fails by then. */
export async function settlesWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  if (ms === Number.POSITIVE_INFINITY) {
    await work;
    return true;
  }
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([work.then(() => true), over]);
  } finally {
    clearTimeout(timer);
  }
}
