import { openOfflineStore } from '../src/backends/embedded/offline/offline-store.ts';
import { allTiles } from '../src/featurestore/backfill/backfill.ts';
import { tileLayout } from '../src/features/tile/tile-layout.ts';
import { shop } from '../bench/shop.ts';
const MiB = Number(process.argv[2] ?? 256);
const offline = await openOfflineStore({ path: '/tmp/cold-10000000/offline', access: 'read', clock: () => Date.now(), memoryLimitBytes: MiB * 2 ** 20 } as any);
const orig = offline.exportParquet.bind(offline);
offline.exportParquet = async (sql, path) => { const t = performance.now(), b = process.cpuUsage(); const n = await orig(sql, path); const d = process.cpuUsage(b); console.log(path, n, (performance.now() - t).toFixed(0), ((d.user + d.system) / 1e6).toFixed(1)); return n; };
const fills = shop.views.flatMap((v) => v.kind === 'streamView' ? [{ layout: tileLayout(v), areAll: true }] : []);
let n = 0; const t = performance.now(); let last = '';
for await (const w of allTiles(fills, offline, null, '/tmp/fill-')) { if (n === 0) console.log('first', performance.now() - t); n += w.length; if (process.argv[3]) break; }
console.log(n, performance.now() - t, process.cpuUsage(), process.memoryUsage.rss() / 1e6);
await offline.close();
