/** Expressions that can take more than linear time, and why no stranger chooses the text that they read. */
interface Bounded {
  readonly why: string;
  /** By file of src, as they are written. */
  readonly files: Readonly<Record<string, readonly string[]>>;
}

/** A new expression belongs here only if its texts are short or trusted; one that is linear, or gone, is taken out. */
export const boundedExpressions: readonly Bounded[] = [
  {
    why: 'They read a file that the user names, on the machine of the user: a profile, a trace, a log of a job.',
    files: {
      'gpu/analysis/attribution.ts': [
        String.raw`/torch\/serialization\.py|: save_checkpoint|: save_pretrained|\btorch\.save\b|checkpoint.*: save|^save_checkpoint/`,
        String.raw`/^(cuda|hip)(Malloc|Free|MallocHost|HostAlloc|FreeHost|ModuleLoad\w*|DeviceReset|GetDeviceProperties\w*|StreamCreate\w*|EventCreate\w*)$|^cu(ModuleLoad|LibraryLoad|ModuleGet|Init)|nvrtc|hiprtc|triton\/(compiler|runtime\/build)|_dynamo\/convert_frame/`,
        String.raw`/^(cu|cuda|hip)\w*(Launch|GraphLaunch)/`,
        String.raw`/_call_impl|profiler.*__enter__|^ProfilerStep#|<built-in method __enter__|runpy\.py|<module>|threading\.py/`,
      ],
      'gpu/analysis/step-marks.ts': [String.raw`/\d+$/`],
      'cost/profile/finding-levers.ts': [
        String.raw`/^enumerate\(DataLoader\)#?$|dataloader\.py\(\d+\): (__next__|_next_data)/`,
      ],
      'gpu/readers/gpu-trace-csv.ts': [String.raw`/\((\S+)\)$/`, String.raw`/^(.*?)\s*\((\d+)\)$/`],
      'gpu/readers/ncu-text.ts': [
        String.raw`/^\s*(\S.*?) \((\d+), (\d+), (\d+)\)x\((\d+), (\d+), (\d+)\), Context \d+, Stream \d+(?:, Device (\d+))?(?:, CC (\d+\.\d+))?/`,
        String.raw`/(\S+)\s*$/`,
        String.raw`/^\s*Section: (.+?)\s*$/`,
        String.raw`/Est\. (?:Local )?Speedup: ([\d.,]+)%/`,
        String.raw`/Metric Name\s+Metric Unit\s+Metric Value/`,
      ],
      'gpu/analysis/step-profile.ts': [String.raw`/torch\/_tensor\.py\(\d+\): backward$/`],
      'gpu/readers/prometheus.ts': [
        String.raw`/gpu_(util\w*|duty_cycle)_ratio$|utili[sz]ation_gpu_ratio$/i`,
        String.raw`/\..*$/`,
      ],
      'gpu/readers/sacct-columns.ts': [
        String.raw`/^\d+(_\d+|\+\d+|_\[.*\])?(\.\w+)?$/`,
        String.raw`/^(\d+|(\d+-)?\d{1,2}:\d{2}(:\d{2})?(\.\d+)?)$/`,
        String.raw`/^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)$/`,
      ],
      'gpu/analysis/kernels.ts': [
        '/sgemm|scudnn|implicit_convolve_s|explicit_convolve_s|winograd|fft2d|dgrad2?d?_(alg|engine)|wgrad2?d?_(alg|engine)|_fp32|ffma|simt|conv.*float|gemv.*float|gemmSN|gemmk1_kernel<.*float/i',
      ],
      'gpu/analysis/operators/device-peaks.ts': [String.raw`/\bH[18]00 .*HBM3\b|\bH[18]00.SXM/i`],
      'gpu/analysis/operators/operators.ts': [String.raw`/\[([\d,\s]+)\]/g`, String.raw`/\s*,\s*/g`],
      'gpu/join/kernel-verdicts.ts': [String.raw`/\W.*$/`],
      'gpu/readers/csv.ts': [
        String.raw`/^\s*([+-]?[\d.,'\u00a0\u202f]+(?:[eE][+-]?\d+)?)\s*[^\d\s]?.*$/`,
        String.raw`/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/`,
      ],
      'gpu/readers/dcgm.ts': [
        String.raw`/^(DCGM_\w+)\{(.*)\}\s+(\S+)(?:\s+\d+)?\s*$/`,
        String.raw`/(\w+)="((?:[^"\\]|\\.)*)"/g`,
      ],
      'gpu/readers/format.ts': [
        String.raw`/^\s*\S.* \(\d+, \d+, \d+\)x\(\d+, \d+, \d+\), Context \d+, Stream \d+/m`,
        String.raw`/^\s*\{(?=[\s\S]{0,2000}"resultType"\s*:\s*"(matrix|vector)")/`,
        String.raw`/^(JobID\w*\|[^\n]*|\d+(_\d+)?(\.\w+)?\|([^\n]*\|)?(COMPLETED|FAILED|CANCELLED|TIMEOUT|RUNNING|PENDING|OUT_OF_MEMORY|NODE_FAIL|PREEMPTED)\b[^\n]*)(\n|$)/m`,
        String.raw`/^\s*\{"[^\n]*"gpu_usage:\w+":[^\n]*\}\s*\n/`,
        String.raw`/^\s*\{(?=[\s\S]{0,2000}"kind"\s*:\s*"(List|PodList)")/`,
        String.raw`/^\s*\[\s*\{(?=[\s\S]*?"attempts"\s*:)(?=[\s\S]*?"submitted_time"\s*:)/`,
        String.raw`/^\uFEFF?\s*(\{\s*["}]|\[\s*[[{\]])/`,
        String.raw`/^"?Time \(%\)"?,"?Total Time \(ns\)"?,"?Instances"?,.*Name/m`,
        String.raw`/^#.*\b(minBytes|nThread)\b|^#\s+size\s+count\s+type/m`,
        String.raw`/^[^\n]*\bpod_phase\b[^\n]*\bscheduled_time\b/`,
        String.raw`/^[^\n]*\bworker\b[^\n]*\bbatch_time/`,
        String.raw`/^job_id,[^\n]*\bgpu_num\b[^\n]*\bstate\b[^\n]*\bduration\b/`,
      ],
      'gpu/readers/kernel-sums.ts': [String.raw`/Executing '(\w+)' stats report/`, String.raw`/^\s*-+(\s+-+)+\s*$/`],
      'gpu/readers/megatron-log.ts': [String.raw`/iteration\s+(\d+)\//`, String.raw`/global batch size:\s+(\d+)/`],
      'gpu/readers/nccl-tests.ts': [
        String.raw`/^#\s+Rank\s+\d+.*\]\s+(.+?)\s*$/`,
        String.raw`/\S+:\d+:\d+ \[\d+\] NCCL (INFO|WARN|TRACE).*$/`,
        'new RegExp',
      ],
      'gpu/readers/ncu.ts': [String.raw`/\/.*$/`],
      'gpu/readers/nsys-sqlite.ts': [String.raw`/"(\w+)"/`, String.raw`/_v\d{4,}$/`],
      'gpu/readers/query-gpu.ts': [String.raw`/\s*\[.*\]$/`],
      'gpu/readers/read-source.ts': ['/,.*$/'],
      'gpu/readers/sacct.ts': [String.raw`/(?:^|,)gres\/gpu:[^=,]+=(\d+)/g`],
    },
  },
  {
    why: 'They read what a service of the operator answers, or what Headrace writes for it.',
    files: {
      'backends/embedded/offline/sql-text.ts': ["/'((?:[^']|'')*)'/g"],
      'backends/embedded/parquet/read-numbers.ts': [String.raw`/^(.+)\[(\d+)\]$/`],
      'backends/flink/sql-gateway.ts': [
        String.raw`/Could not find any factory for identifier '([\w-]+)'/`,
        String.raw`/(?:line |at line )(\d+), column \d+/i`,
      ],
      'backends/flink/rest.ts': [String.raw`/^(?:Caused by: )?(?:[\w$]+\.)+[\w$]+(?:Exception|Error): (.*)$/gm`],
      'backends/flink/secrets.ts': [String.raw`/password="(?:[^"\\]|\\.)*"/`],
      'backends/kafka/client.ts': [String.raw`/:\d+$/`],
      'backends/kafka/failure.ts': [
        String.raw`/^(SASL_AUTHENTICATION_FAILED|UNSUPPORTED_SASL_MECHANISM|ILLEGAL_SASL_STATE):|AUTHORIZATION_FAILED|^ERR_SSL_\w*ALERT\w*(CERTIFICATE|UNKNOWN_CA)/`,
      ],
      'backends/kafka/java-client.ts': ['/(-----BEGIN [^-]+-----)([^-]+)(-----END [^-]+-----)/g'],
      'backends/s3/s3-artifact-store.ts': [
        '/<Key>([^<]*)<\\/Key>/g',
        '/<NextContinuationToken>([^<]*)<\\/NextContinuationToken>/',
        '/<Message>([^<]*)<\\/Message>/',
      ],
      'backends/otlp/trace-sink.ts': [String.raw`/\/+$/`],
      'backends/spark/failures.ts': [
        String.raw`/exit(?:ed with)?\s*(?:code|status):?\s*52\b|OutOfMemoryError|exit code 52|ExitCode 52/i`,
        String.raw`/line (\d+),? pos(?:ition)?:? \d+/`,
        String.raw`/\s*SQLSTATE: \w{5}.*$/`,
      ],
      'backends/spark/installation.ts': [String.raw`/-(\d[\w.-]*)\.jar$/`],
      'backends/spark/back-ends.ts': [String.raw`/:\d+$/`],
    },
  },
  {
    why: 'They read a word of a command line, or its help.',
    files: {
      'cli/options/option-kinds.ts': [String.raw`/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i`],
      'cli/options/option.ts': [String.raw`/(?: \([^()]*\))?$/`],
    },
  },
  {
    why: 'They start at the beginning of a value, and repeat at most 40 times.',
    files: {
      'monitoring/detect/date-faults.ts': [
        String.raw`/^\s*(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}\s[A-Za-z]{3,9}\s\d{4}|[A-Za-z]{3,9}\s\d{1,2},?\s\d{4})([T ].{0,40})?\s*$/`,
      ],
    },
  },
  {
    why: 'They read SQL and names that the project declares, or an address of its configuration.',
    files: {
      'base/errors/fail.ts': [String.raw`/\{(\w+)\}/`],
      'client/client-error.ts': [String.raw`/\{(\w+)\}/g`],
      'client/create-client.ts': [String.raw`/\/+$/`],
      'client/oip/create-oip-client.ts': [String.raw`/\/+$/`],
      'backends/embedded/scores/feature-cells.ts': [String.raw`/^(.+)\[(\d+)\]$/`],
      'backends/postgres/options.ts': [String.raw`/^postgres(ql)?:\/\/([^:@/?#]+@)?[^@/?#]+\/[^?#]+$/`],
      'environment/check-kafka.ts': [String.raw`/\.[A-Za-z0-9_-]+\.\d+$/`],
      'features/change/declared-part.ts': [String.raw`/'(?:[^']|'')*'|"(?:[^"]|"")*"|\s+|[^'"\s]+|['"]/g`],
      'featurestore/batch/batch-sql.ts': [String.raw`/\{\{(.*?)\}\}/g`, String.raw`/[\s;]+$/`],
      'operating/migrate/forgotten-since.ts': ['/"at":"([^"]+)"/'],
    },
  },
];
