import { must, once } from '../../scripts/services/binaries.ts';
import { versions } from '../../scripts/services/versions.ts';

/** The folder of the packages of Triton's clients. */
export function tritonPackages(): Promise<string> {
  const { version, distribution } = versions.tritonclient;
  return once(`tritonclient-${version}`, async (into) => {
    await must('python3', ['-m', 'pip', 'install', '--target', '.', '--quiet', distribution], into);
  });
}
