/** The promised value, or after a while its substitute. */
export function within<T, L>(promised: Promise<T>, waitMs: number, otherwise: () => L): Promise<T | L> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      try {
        resolve(otherwise());
      } catch (error) {
        reject(error);
      }
    }, waitMs);
    // One that fails after the wait has nobody left to tell; its store counts it.
    promised.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
