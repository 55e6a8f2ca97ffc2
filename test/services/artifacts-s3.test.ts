import { describe } from 'vitest';
import { addressOf } from './addresses.ts';
import { artifactTests } from './s3-artifacts.ts';

const [endpoint = ''] = addressOf('S3_ENDPOINT');

describe('artefacts on S3 keep the rules of their port', () => {
  artifactTests({ endpoint, accessKeyId: 'id', secretAccessKey: 'secret' });
});
