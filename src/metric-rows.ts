/** One Prometheus metric: what its samples are, their unit, and its labels, whose values are all declared names or listed here. */
export interface MetricRow {
  readonly type: 'histogram' | 'counter' | 'gauge';
  readonly unit: string;
  readonly labels: readonly string[];
  readonly help: string;
}

/** Every metric of a running project, by name. The page docs/reference/metrics.md is written from it. */
export const metricRows = {
  headrace_vector_read_seconds: {
    type: 'histogram',
    unit: 's',
    labels: ['service'],
    help: 'Time of a feature vector read',
  },
  headrace_tier_read_seconds: {
    type: 'histogram',
    unit: 's',
    labels: ['service', 'tier'],
    help: 'Time of a tier within a read (one read in 32): request, streaming or batch',
  },
  headrace_view_read_seconds: {
    type: 'histogram',
    unit: 's',
    labels: ['view'],
    help: 'Time of a view within a read (one read in 32; every call of a function that has a budget)',
  },
  headrace_view_age_seconds: {
    type: 'histogram',
    unit: 's',
    labels: ['view'],
    help: 'Age of the answers of a view when they were served (one read in 32)',
  },
  headrace_view_freshness_seconds: {
    type: 'histogram',
    unit: 's',
    labels: ['view'],
    help: 'Streaming: from the arrival of a call of events to their being in what is served; batch: age of the data read (one read in 32)',
  },
  headrace_event_servable_seconds: {
    type: 'histogram',
    unit: 's',
    labels: ['source'],
    help: 'From the arrival of a call of events to their being in what is served',
  },
  headrace_event_lateness_seconds: {
    type: 'histogram',
    unit: 's',
    labels: ['source'],
    help: 'From the time of an event to its arrival',
  },
  headrace_events_total: {
    type: 'counter',
    unit: 'events',
    labels: ['source', 'outcome'],
    help: 'Events by what became of them: sent, refused, quarantined, accepted, duplicate, future, late',
  },
  headrace_events_ahead_total: {
    type: 'counter',
    unit: 'events',
    labels: ['source'],
    help: 'Events whose time was after their arrival',
  },
  headrace_budget_seconds: {
    type: 'gauge',
    unit: 's',
    labels: ['of', 'name', 'measure'],
    help: 'Declared budget of a service or view: latency or freshness, for 99 of 100',
  },
  headrace_budget_observations_total: {
    type: 'counter',
    unit: 'observations',
    labels: ['of', 'name', 'measure'],
    help: 'Observations held against a declared budget',
  },
  headrace_budget_exceeded_total: {
    type: 'counter',
    unit: 'observations',
    labels: ['of', 'name', 'measure'],
    help: 'Observations beyond a declared budget',
  },
  headrace_budget_burn_rate: {
    type: 'gauge',
    unit: 'ratio',
    labels: ['of', 'name', 'measure', 'window'],
    help: 'Share beyond the budget over the share that may be, of the last 5m, 60m or 360m; 1 uses it up exactly',
  },
  headrace_stale_answers_total: {
    type: 'counter',
    unit: 'answers',
    labels: ['view'],
    help: 'Answers older than the freshness budget of their view, marked so',
  },
  headrace_late_answers_total: {
    type: 'counter',
    unit: 'answers',
    labels: ['view', 'answer'],
    help: 'Reads that a view did not answer within its latency budget, by the answer instead: fail, null or lastKnown',
  },
  headrace_compute_failures_total: {
    type: 'counter',
    unit: 'calls',
    labels: ['view'],
    help: 'Calls of an on-demand function that threw or gave a value of another type',
  },
  headrace_requests_turned_away_total: {
    type: 'counter',
    unit: 'requests',
    labels: ['service'],
    help: 'Requests for vectors that were turned away because more came than could be answered in time',
  },
  headrace_features_missing_total: {
    type: 'counter',
    unit: 'features',
    labels: ['service', 'reason'],
    help: 'Features without an answer: nullKey, past, compute, slow or overflow',
  },
  headrace_batch_runs_total: {
    type: 'counter',
    unit: 'runs',
    labels: ['view', 'outcome'],
    help: 'Runs of a batch view: succeeded or failed',
  },
  headrace_batch_age_seconds: {
    type: 'gauge',
    unit: 's',
    labels: ['view'],
    help: 'Age of the data of the generation that is served',
  },
  headrace_batch_overdue_seconds: {
    type: 'gauge',
    unit: 's',
    labels: ['view'],
    help: 'How long a run has been due without success; 0 where none is',
  },
  headrace_vectors_logged_total: {
    type: 'counter',
    unit: 'vectors',
    labels: ['service'],
    help: 'Served vectors logged for the audit and the profiles',
  },
  headrace_logged_rows_lost_total: {
    type: 'counter',
    unit: 'rows',
    labels: [],
    help: 'Logged vectors and refused events that could not be published and were dropped',
  },
  headrace_skew_compared: {
    type: 'gauge',
    unit: 'values',
    labels: ['service'],
    help: 'Values that the last scheduled audit compared',
  },
  headrace_skew_mismatches: {
    type: 'gauge',
    unit: 'values',
    labels: ['service', 'class'],
    help: 'Values of the last scheduled audit that differ from the history: lateness, staleness or logic',
  },
  headrace_skew_met: {
    type: 'gauge',
    unit: '0 or 1',
    labels: ['service'],
    help: 'Whether the last scheduled audit was within what is declared',
  },
  headrace_skew_age_seconds: {
    type: 'gauge',
    unit: 's',
    labels: ['service'],
    help: 'Time since the last scheduled audit',
  },
  headrace_disk_bytes: {
    type: 'gauge',
    unit: 'bytes',
    labels: ['part'],
    help: 'What is on the disk as of the last flush: log, events, tiles, batch, served, predictions, monitoring, elsewhere',
  },
  headrace_disk_day_bytes: {
    type: 'gauge',
    unit: 'bytes',
    labels: ['part'],
    help: 'What the UTC day has added to log and history by the last flush',
  },
  headrace_disk_budget_bytes: {
    type: 'gauge',
    unit: 'bytes',
    labels: ['budget'],
    help: 'Declared disk budgets: total and day',
  },
  headrace_disk_trimmed_bytes_total: {
    type: 'counter',
    unit: 'bytes',
    labels: ['part'],
    help: 'What was trimmed because the whole was beyond its budget',
  },
  headrace_disk_refused_events_total: {
    type: 'counter',
    unit: 'events',
    labels: [],
    help: 'Events that were refused because a disk budget was used up',
  },
  headrace_disk_skipped_rows_total: {
    type: 'counter',
    unit: 'rows',
    labels: [],
    help: 'Served vectors and refused events that were not logged because a disk budget was used up',
  },
  headrace_worker_up: {
    type: 'gauge',
    unit: '0 or 1',
    labels: ['worker'],
    help: 'Whether a process of a group (serve --workers) answers',
  },
  headrace_worker_restarts_total: {
    type: 'counter',
    unit: 'starts',
    labels: ['worker'],
    help: 'How often a process of a group was started again because it had ended',
  },
  headrace_tiles_taken_total: {
    type: 'counter',
    unit: 'tiles',
    labels: ['outcome'],
    help: 'Tiles of another engine by what became of them: applied, duplicate, stale, conflict (as many events, and others)',
  },
  headrace_tile_conflicts: {
    type: 'gauge',
    unit: 'tiles',
    labels: [],
    help: 'Conflicts that remain although the engine has caught up: tiles to be computed anew',
  },
  headrace_tiles_age_seconds: {
    type: 'gauge',
    unit: 's',
    labels: [],
    help: 'How old the tiles of another engine may be: since the arrival of the first event that no checkpoint vouches for',
  },
  headrace_records_unreadable_total: {
    type: 'counter',
    unit: 'records',
    labels: ['source'],
    help: 'Records of a topic on Kafka that somebody else wrote or that are damaged: left out, and kept as refused events',
  },
  headrace_reader_lag_records: {
    type: 'gauge',
    unit: 'records',
    labels: ['topic', 'reader', 'partition'],
    help: 'Records between where a reader stands and the end of a topic on Kafka: applied (in what is served), committed (in the store), archived (taken for the history, where many processes write the tiles), engine (in tiles that a checkpoint of the engine vouches for), taken (a topic of other services: in the log, and committed there)',
  },
  headrace_topic_records_total: {
    type: 'counter',
    unit: 'records',
    labels: ['source', 'outcome'],
    help: 'Records of a topic of other services by what became of them: taken (in the log), refused, tombstone, lost (gone before they were read)',
  },
  headrace_topic_key_changes_total: {
    type: 'counter',
    unit: 'events',
    labels: ['source'],
    help: 'Events of a topic of other services that came again under another partition or key, of the last 100,000 ids',
  },
  headrace_topic_up: {
    type: 'gauge',
    unit: '0 or 1',
    labels: ['source'],
    help: 'Whether a topic of other services is read, and its events are taken',
  },
  headrace_predictions: {
    type: 'gauge',
    unit: 'predictions',
    labels: ['model', 'outcome'],
    help: 'Predictions and labels since the start, by what became of them',
  },
} as const satisfies Readonly<Record<string, MetricRow>>;

export type MetricName = keyof typeof metricRows;
