/**
 * The principal branch of Lambert's W: w·e^w = x, for x from −1/e. Near the branch point it starts from −1 + √(2(1 + e·x))
 * (Corless et al. 1996), and Halley's method brings it to the last bits. NaN below −1/e.
 */
export function lambertW0(x: number): number {
  const aboveBranch = 1 + Math.E * x;
  if (!(aboveBranch >= 0)) return aboveBranch > -1e-14 ? -1 : Number.NaN;
  const root = Math.sqrt(2 * aboveBranch);
  let w = x < 1 ? -1 + root - (root * root) / 3 : Math.log(x) - Math.log(Math.max(Math.log(x), 1e-300));
  for (let turn = 0; turn < 60; turn += 1) {
    const power = Math.exp(w);
    const error = w * power - x;
    const step = error / (power * (w + 1) - ((w + 2) * error) / (2 * w + 2));
    if (!Number.isFinite(step)) return w;
    w -= step;
    if (Math.abs(step) <= 1e-15 * Math.max(1, Math.abs(w))) return w;
  }
  return w;
}
