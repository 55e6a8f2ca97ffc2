/**
 * Hot path. Sorts row numbers in place, equal ones in their order. Traces are a few sorted lists one after the other
 * (operators, Python frames, calls): runs that are in order already are merged, so that little is compared.
 */
export function sortRows<Rows extends Int32Array | Uint32Array>(
  rows: Rows,
  isBefore: (a: number, b: number) => boolean,
): Rows {
  const count = rows.length;
  let bounds = [0];
  for (let index = 1; index < count; index += 1) if (isBefore(rows[index], rows[index - 1])) bounds.push(index);
  if (bounds.length === 1) return rows;
  bounds.push(count);
  let from: Int32Array | Uint32Array = rows;
  let to: Int32Array | Uint32Array = rows.slice();
  while (bounds.length > 2) {
    const merged = [0];
    for (let run = 0; run + 1 < bounds.length; run += 2) {
      const end = bounds[Math.min(run + 2, bounds.length - 1)];
      merge(from, to, bounds[run], bounds[run + 1], end, isBefore);
      merged.push(end);
    }
    bounds = merged;
    [from, to] = [to, from];
  }
  if (from !== rows) rows.set(from);
  return rows;
}

function merge(
  from: Int32Array | Uint32Array,
  to: Int32Array | Uint32Array,
  start: number,
  middle: number,
  end: number,
  isBefore: (a: number, b: number) => boolean,
): void {
  let left = start;
  let right = middle;
  for (let at = start; at < end; at += 1)
    to[at] = right < end && (left >= middle || isBefore(from[right], from[left])) ? from[right++] : from[left++];
}
