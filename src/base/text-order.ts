/**
 * Order of texts by their UTF-8 bytes, which is the order of code points: what SQL engines and `Buffer.compare` use.
 * JavaScript's `<` orders by UTF-16 units and puts U+10000 before U+FFFF.
 */
export function compareText(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i += 1) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Surrogates, which stand for code points above U+FFFF, go behind all other units. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
