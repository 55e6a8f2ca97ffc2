/** The reports that have a page, each with the JSON of its command: one window of a model, two tables, features, GPUs, a cost plan. */
export type ReportKind = 'window' | 'comparison' | 'features' | 'gpu' | 'cost';
