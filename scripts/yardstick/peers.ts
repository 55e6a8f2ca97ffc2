import { createHash } from 'node:crypto';
import { pythonWith } from '../services/python.ts';

/** The tools that figures and answers are compared with, each in its own Python, with its packages. */
const peers = {
  /** By hand: arrays, tests, Parquet and ONNX models. */
  arrays: ['numpy', 'scipy==1.17.1', 'pyarrow==26.0.1', 'onnxruntime==1.30.0'],
  arize: ['arize<8', 'pandas<3', 'pyarrow'],
  datasketches: ['datasketches==5.2.0'],
  evidently: ['evidently==0.7.23', 'pandas<3'],
  feast: ['feast[redis]==0.67.0'],
  hta: ['HolisticTraceAnalysis==0.5.0', 'pandas<3'],
  lightgbm: ['lightgbm', 'scikit-learn', 'pandas<3', 'pyarrow'],
  mlserver: ['mlserver==1.7.1', 'mlserver-sklearn==1.7.1', 'uvloop<0.22'],
  nannyml: ['nannyml==0.13.1', 'pandas<3', 'statsmodels'],
  river: ['river==0.26.1'],
  whylogs: ['whylogs==1.6.4', 'pandas<3', 'numpy<2', 'pyarrow<18'],
} as const;

export type Peer = keyof typeof peers;

/** The interpreter of a peer, which is installed into the cache the first time. */
export function peerPython(peer: Peer): Promise<string> {
  const packages = peers[peer];
  const version = createHash('sha256').update(packages.join('\n')).digest('hex').slice(0, 8);
  return pythonWith(`peer-${peer}-${version}`, packages);
}

/** `[PEER…]`: installs the peers, all without a name, and prints the interpreter of each. */
async function main(words: readonly string[]): Promise<number> {
  const all = Object.keys(peers) as Peer[];
  const unknown = words.filter((word) => !(word in peers));
  if (unknown.length > 0) {
    console.error(`usage: node scripts/yardstick/peers.ts [${all.join('|')}]…`);
    return 2;
  }
  const chosen = words.length === 0 ? all : all.filter((peer) => words.includes(peer));
  let code = 0;
  for (const peer of chosen)
    await peerPython(peer).then(console.log, (error: unknown) => {
      code = 1;
      console.error(`${peer}: ${error instanceof Error ? error.message : error}`);
    });
  return code;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
