/** Work that is done again and again; `stop` ends with the last of it. */
export interface Ticking {
  stop(): Promise<void>;
}

/** Does work every so many ms, one after the other: what is due while it goes on is left out. Faults are reported. */
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
