/** A format in which something durable is written, and what holds a reader of each of its versions. */
export interface DurableFormat {
  readonly name: string;
  /** The file of src that has its number. */
  readonly source: string;
  readonly version: number;
  /** Files of an environment in it, by their paths. */
  readonly files: RegExp | null;
  /** For each version, from the first: what a test opens. */
  readonly fixtures: readonly string[];
}

const RELEASE = 'test/fixtures/release-0.1';

/** Every durable format. A new one, or another version of one, needs a fixture here before the tests pass. */
export const durableFormats: readonly DurableFormat[] = [
  {
    name: 'topic, reader position',
    source: 'src/backends/embedded/log/event-log.ts',
    version: 1,
    files: /^log\/(topics\/[^/]+\/topic\.json|readers\/)/,
    fixtures: ['test/fixtures/event-log-1'],
  },
  {
    name: 'log frame',
    source: 'src/backends/embedded/log/frame.ts',
    version: 1,
    files: /^log\/topics\/[^/]+\/\d+\/\d{16}\.log$/,
    fixtures: ['test/fixtures/event-log-1'],
  },
  {
    name: 'row',
    source: 'src/schema/row-codec.ts',
    version: 1,
    files: null,
    fixtures: [`${RELEASE}/backup/log`],
  },
  {
    name: 'row under later columns',
    source: 'src/schema/versioned-row-codec.ts',
    version: 2,
    files: null,
    fixtures: [`${RELEASE}/backup/log`, `${RELEASE}/backup/log`],
  },
  {
    name: 'prediction',
    source: 'src/serving/online/prediction-record.ts',
    version: 3,
    files: null,
    fixtures: [
      'test/fixtures/prediction-record-1.json',
      'test/fixtures/prediction-record-2.json',
      'test/fixtures/prediction-record-3.json',
    ],
  },
  {
    name: 'profile',
    source: 'src/monitoring/profile/profile-bytes.ts',
    version: 2,
    files: null,
    fixtures: ['test/fixtures/profile-1.profile', 'test/fixtures/profile-2.profile'],
  },
  {
    name: 'row of served profiles',
    source: 'src/monitoring/served/profile-row.ts',
    version: 1,
    files: null,
    fixtures: ['test/served/formats/profile-row-1'],
  },
  {
    name: 'handed rows of profiles',
    source: 'src/monitoring/served/handed-rows.ts',
    version: 1,
    files: null,
    fixtures: ['test/served/formats/handed-rows-1'],
  },
  {
    name: 'counts of unsent profiles',
    source: 'src/monitoring/served/unsent-counts.ts',
    version: 1,
    files: null,
    fixtures: ['test/served/formats/unsent-1.json'],
  },
  {
    name: 'reference of a version',
    source: 'src/monitoring/monitor/reference.ts',
    version: 2,
    files: null,
    fixtures: ['test/fixtures/reference-1.reference', 'test/fixtures/reference-2.reference'],
  },
  {
    name: 'state of the monitor',
    source: 'src/findings/monitor-state.ts',
    version: 1,
    files: null,
    fixtures: ['test/fixtures/drift-state-1.json'],
  },
  {
    name: 'incidents',
    source: 'src/findings/alerts/alert-schema.ts',
    version: 2,
    files: null,
    fixtures: ['test/alerts/formats/alerts-1.sqlite', 'test/alerts/formats/alerts-2.sqlite'],
  },
  {
    name: 'online store',
    source: 'src/backends/embedded/online/check-format.ts',
    version: 4,
    files: /^online\/tiles\.mdb$/,
    fixtures: [
      'test/fixtures/online-store-1',
      'test/fixtures/online-store-2',
      'test/fixtures/online-store-3',
      'test/fixtures/online-store-4',
    ],
  },
  {
    name: 'record of a key',
    source: 'src/backends/embedded/online/entity-records.ts',
    version: 1,
    files: null,
    fixtures: ['test/fixtures/online-store-3'],
  },
  {
    name: 'block of tiles',
    source: 'src/backends/embedded/online/tile-block.ts',
    version: 1,
    files: null,
    fixtures: ['test/fixtures/online-store-1'],
  },
  {
    name: 'manifest, history',
    source: 'src/backends/embedded/offline/manifest.ts',
    version: 3,
    files: /^offline\/(manifest\.\d+\.json|tables\/.*\.parquet)$/,
    fixtures: ['test/fixtures/offline-v1', `${RELEASE}/backup/offline`, 'test/fixtures/offline-v3'],
  },
  {
    name: 'registry',
    source: 'src/registry/sql/schema.ts',
    version: 3,
    files: /^registry\.sqlite$/,
    fixtures: [
      'test/models/formats/registry-1.db',
      'test/models/formats/registry-2.db',
      'test/models/formats/registry-3.db',
    ],
  },
  {
    name: 'rollouts',
    source: 'src/serving/rollout/sql-rollout-store.ts',
    version: 1,
    files: null,
    fixtures: ['test/rollouts/formats/rollouts-1.sqlite'],
  },
  {
    name: 'playbooks',
    source: 'src/playbook/sql-playbook-store.ts',
    version: 1,
    files: null,
    fixtures: ['test/playbook/formats/playbooks-1.sqlite'],
  },
  {
    name: 'labs',
    source: 'src/labs/labs-file.ts',
    version: 1,
    files: null,
    fixtures: ['test/fixtures/labs-1.json'],
  },
  {
    name: 'declaration',
    source: 'src/features/change/declaration-document.ts',
    version: 3,
    files: /^declaration\.json$/,
    fixtures: [1, 2, 3].map((format) => `test/change/golden/declaration-format-${format}.json`),
  },
  {
    name: 'job, result',
    source: 'src/training/job/training-job.ts',
    version: 1,
    files: /^runs\/[^/]+\/(job|result)\.json$/,
    fixtures: [`${RELEASE}/beside/runs`],
  },
  {
    name: 'checkpoint',
    source: 'src/training/runner/checkpoints.ts',
    version: 1,
    files: null,
    fixtures: ['test/fixtures/training-run-1'],
  },
  {
    name: 'state of an embedded trainer',
    source: 'src/training/run-embedded.ts',
    version: 1,
    files: null,
    fixtures: ['test/fixtures/embedded-run-1'],
  },
  {
    name: 'unfinished training',
    source: 'src/training/kept-training.ts',
    version: 1,
    files: null,
    fixtures: ['test/fixtures/unfinished-training-1'],
  },
  {
    name: 'drill',
    source: 'src/cost/evidence/drill-result.ts',
    version: 2,
    files: null,
    fixtures: ['test/fixtures/drill-1.json', 'test/fixtures/drill-2.json'],
  },
  {
    name: 'keys',
    source: 'src/operating/api-keys.ts',
    version: 1,
    files: /^keys\.json$/,
    fixtures: [`${RELEASE}/beside/keys.json`],
  },
  {
    name: 'forgetting',
    source: 'src/operating/forget-record.ts',
    version: 1,
    files: /^forgetting\/[0-9a-f]{64}\.json$/,
    fixtures: [`${RELEASE}/beside/forgetting`],
  },
  {
    name: 'identity',
    source: 'src/environment/environment-id.ts',
    version: 1,
    files: /^(environment|topics)\.json$/,
    fixtures: [`${RELEASE}/backup/environment.json`],
  },
  {
    name: 'disk ledger',
    source: 'src/featurestore/disk/disk-ledger.ts',
    version: 1,
    files: /^disk\.json$/,
    fixtures: [`${RELEASE}/beside/disk.json`],
  },
  {
    name: 'clock',
    source: 'src/environment/environment-clock.ts',
    version: 1,
    files: null,
    fixtures: ['test/fixtures/clock-1/clock.json'],
  },
  {
    name: 'Flink jobs',
    source: 'src/backends/flink/jobs-file.ts',
    version: 1,
    files: /^flink\.json$/,
    fixtures: [`${RELEASE}/beside/flink.json`],
  },
  {
    name: 'output of a stream, record of its control log, state of a lane',
    source: 'src/serving/streaming/stream-record.ts',
    version: 1,
    files: null,
    fixtures: ['test/fixtures/stream-records-1.json'],
  },
  {
    name: 'batch spec, part, output manifest, data set',
    source: 'src/serving/batch/batch-spec.ts',
    version: 1,
    files: null,
    fixtures: ['test/fixtures/batch-1'],
  },
  {
    name: 'backup',
    source: 'src/operating/backup-manifest.ts',
    version: 1,
    files: null,
    fixtures: [`${RELEASE}/backup/backup.json`],
  },
  {
    name: 'migration',
    source: 'src/operating/migrate/migration-files.ts',
    version: 1,
    files: null,
    fixtures: ['test/fixtures/migration-1'],
  },
  {
    name: 'prices',
    source: 'src/cost/catalog/price-store.ts',
    version: 1,
    files: null,
    fixtures: ['test/fixtures/prices-1.json'],
  },
  {
    name: 'profile of a training job',
    source: 'src/cost/profile/measured-profile.ts',
    version: 1,
    files: null,
    fixtures: ['test/fixtures/cost-profile-1.json'],
  },
];

/** Files without a number of a version of ours: lines of JSON, the formats of others, locks. */
export const otherFiles: readonly RegExp[] = [
  /^clock(-accepted)?\.json$/,
  /^audit\.jsonl$/,
  /^cost-calibration\.jsonl$/,
  /^artifacts\/[0-9a-f]{2}\/[0-9a-f]{64}$/,
  /^runs\/[^/]+\/(training-set\.parquet|.*\.onnx|.*\.log)$/,
  /^(log|online|offline)\/lock(-wal|-shm|-journal)?$/,
  /^online\/tiles\.mdb-lock$/,
  /^registry\.sqlite-(wal|shm)$/,
  // Later than the release of the fixture: its own fixture is in the list above.
  /^rollouts\.sqlite(-(wal|shm))?$/,
  /^alerts\.sqlite(-(wal|shm))?$/,
  /^tile-jobs\.lock$/,
  // Of Node, which takes none that another version wrote.
  /^batch\/compiled\//,
  /^ingest\/[0-9a-f]{32}\.json(\.tmp)?$/,
];

/**
 * Numbers that are not of anything durable in an environment: what goes over the wire, what a hash is of, what a writer tells
 * processes that read next to it, what Redis and Kafka keep, which the suites of test/services hold (tiles there are written
 * again from the log).
 */
export const otherNumbers: readonly string[] = [
  // What a driver says of itself as long as it runs.
  'src/backends/spark/tile-driver.ts',
  'src/schema/vector-format.ts',
  'src/observe/slo-report.ts',
  'src/features/change/declaration-hash.ts',
  'src/training/onnx-export/onnx-graph.ts',
  'src/training/job/parse-job.ts',
  'src/training/job/parse-result.ts',
  'src/training/runner/program-run.ts',
  // Between a controller and the ranks of one attempt.
  'src/training/runner/heartbeat.ts',
  'src/training/runner/run-files.ts',
  // Written by people.
  'src/training/sweep/sweep-file.ts',
  'src/backends/embedded/online/news.ts',
  'src/backends/redis/entity-record.ts',
  'src/features/window/stored-windows.ts',
  // The number is that of the spec.
  'src/serving/batch/part-manifest.ts',
  'src/serving/batch/data-set.ts',
  // How far files of events are read: where it is not known, they are read again.
  'src/featurestore/ingest/ingest-place.ts',
  'src/backends/kafka/lane-position.ts',
  'src/backends/kafka/record.ts',
  // Caches: what is of another format is made again.
  'src/backends/python/environments.ts',
  'src/backends/python/onnx-files.ts',
  // Over the wire, to receivers of alerts.
  'src/backends/alert-sinks/webhook.ts',
  'src/backends/alert-sinks/score-webhook.ts',
];
