/** A share as percent, with one digit more than would round a few to none. */
export function percentText(rate: number): string {
  if (rate === 0 || rate === 1) return `${rate * 100} %`;
  return rate < 0.001 ? '<0.1 %' : rate > 0.999 ? '>99.9 %' : `${(rate * 100).toFixed(1)} %`;
}

/** A count with its noun. */
export function countText(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
