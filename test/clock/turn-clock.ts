import { readFileSync } from 'node:fs';

// Preloaded by `node --import`: the clock of the system, as the process sees it, is ahead by the milliseconds in a file.
const path = process.env['TURNED_CLOCK'];

if (path !== undefined) {
  const real = Date.now;
  let aheadMs = 0;
  Date.now = () => {
    const text = readFileSync(path, 'utf8');
    // It may be read while it is written.
    if (text.endsWith('\n')) aheadMs = Number(text);
    return real() + aheadMs;
  };
}
