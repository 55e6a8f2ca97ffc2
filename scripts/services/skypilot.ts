import { pythonWith } from './python.ts';
import type { Service } from './service.ts';
import { versions } from './versions.ts';

const told = async () => ({
  SKYPILOT_PYTHON: await pythonWith(`skypilot-${versions.skypilot.version}`, versions.skypilot.packages),
});

/** SkyPilot without a cloud, and the schemas of Kubernetes: an interpreter, nothing runs between the suites. */
export const skypilot: Service = {
  name: 'skypilot',
  sets: ['SKYPILOT_PYTHON'],
  async fetch() {
    await told();
  },
  up: told,
  async down() {},
  status: told,
};
