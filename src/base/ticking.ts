/** Work that is done again and again; `stop` ends with the last of it. */
export interface Ticking {
  stop(): Promise<void>;
}

/** Does work at an interval in ms, one run after the other: runs that are due during another are left out. Faults are reported. */
export function every(ms: number, work: () => Promise<void>, report: (error: unknown) => void): Ticking {
  let running: Promise<void> | null = null;
  const timer = setInterval(() => {
    running ??= work()
      .catch(report)
      .finally(() => {
        running = null;
      });
  }, ms);
  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
