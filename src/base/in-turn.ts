/** Runs work one after the other, in the order in which it was asked for, whether the work before succeeds or fails. */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

/** A new order of turns. An empty work ends when all that was asked for before has ended. */
export function turnsInOrder(): InTurn {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return turn;
  };
}
