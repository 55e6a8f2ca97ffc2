/** Mistakes in declarations, each with what the compiler has to say about it. */
export interface Mistake {
  readonly mistake: string;
  readonly code: string;
  /** What the message has in it. */
  readonly says: readonly string[];
}

/** What the mistakes are made with. */
export const declared = `
import * as h from 'headrace';
export const user = h.entity('user', { user: h.text() });
export const route = h.entity('route', { origin: h.text(), destination: h.text() });
export const flights = h.eventSource('flights', { id: 'flight', time: 'departed', columns: {
  flight: h.text(), departed: h.time(), origin: h.text(), destination: h.text(), delay: h.int(), price: h.decimal(2),
  note: h.nullable(h.text()), stops: h.list(h.text()), weight: h.float(), taste: h.embedding(8) } });
export const byRoute = h.streamView('by_route', { source: flights, entity: route,
  key: { origin: 'origin', destination: 'destination' }, windows: ['15m', '1h'], freshness: '1s',
  features: (e) => ({ flights: h.count(), mean_delay: h.mean(e.delay), spent: h.sum(e.price) }) });
export const excess = h.onDemandView('excess', { inputs: { now: h.float(), usual: h.float() },
  features: { ratio: h.nullable(h.float()) }, compute: ({ now, usual }) => ({ ratio: usual === 0 ? null : now / usual }) });
export const departure = h.featureService('departure', {
  request: { origin: h.text(), destination: h.text(), scheduled: h.time() },
  join: (r) => ({ route: h.lookup(byRoute, { origin: r.origin, destination: r.destination }) }),
  compute: (r, f) => ({ excess: h.apply(excess, { now: h.orElse(f.route.mean_delay_15m, 0), usual: h.orElse(f.route.mean_delay_1h, 0) }) }) });
export const spine = h.eventSource('spine', { id: 'flight', time: 'scheduled', columns: {
  flight: h.text(), scheduled: h.time(), origin: h.text(), destination: h.text() } });
export const view = { source: flights, entity: route, key: { origin: 'origin', destination: 'destination' },
  windows: ['1h'], freshness: '1s' } as const;
export const learn = { task: 'binary', service: departure, spine: { from: spine, id: 'flight' }, train: { with: { kind: 'logisticRegression' } } } as const;
`;

/** Models and pipelines over them. */
const modelled = `const late = h.model('late', { ...learn, label: { from: flights, id: 'flight', value: (e) => h.gt(e.delay, h.literal(15)), within: '1d' } });`;
const inPipeline = (run: string, models = '{ late }') =>
  `${modelled} export const p = h.pipeline('p', { service: departure, models: ${models}, outputs: { text: h.text(), price: h.float() }, run: ${run} });`;

const scoredView = (column: string, rest = '') =>
  `const scores = h.scoreSource('scores', { of: h.streamInference('s', { model: late, from: spine, to: 't' }), ${rest} });
h.streamView('v', { ...view, source: scores, features: (e) => ({ x: h.mean(${column}) }) });`;
const inView = (features: string, rest = '') =>
  `h.streamView('v', { ...view, ${rest} features: (e) => ({ x: ${features} }) });`;
const inService = (join: string, compute = '() => ({})') =>
  `h.featureService('s', { request: { origin: h.text(), destination: h.text(), at: h.time(), n: h.int() },
  join: (r) => ({ route: ${join} }), compute: ${compute} });`;
const onEmbedding = `const near = h.onDemandView('near', { inputs: { taste: h.embedding(16) }, features: { x: h.float() },
  compute: ({ taste }) => ({ x: taste[0] ?? 0 }) });`;
const joined = 'h.lookup(byRoute, { origin: r.origin, destination: r.destination })';

export const mistakes: readonly Mistake[] = [
  {
    mistake: 'a feature that a lookup picks',
    code: inService("h.lookup(byRoute, { origin: r.origin, destination: r.destination }, ['mean_dealy_1h'])"),
    says: ['\'"mean_dealy_1h"\' is not assignable', 'Did you mean \'"mean_delay_1h"\'?'],
  },
  {
    mistake: 'a feature that compute reads',
    code: inService(joined, '(r, f) => ({ x: f.route.mean_dealy_1h })'),
    says: ["Property 'mean_dealy_1h' does not exist", "Did you mean 'mean_delay_1h'?"],
  },
  {
    mistake: 'a lookup that compute reads',
    code: inService(joined, '(r, f) => ({ x: f.rout.mean_delay_1h })'),
    says: ["Property 'rout' does not exist", "Did you mean 'route'?"],
  },
  {
    mistake: 'a request column',
    code: inService('h.lookup(byRoute, { origin: r.orign, destination: r.destination })'),
    says: ["Property 'orign' does not exist", "Did you mean 'origin'?"],
  },
  {
    mistake: 'a key column of a view',
    code: "h.streamView('v', { ...view, key: { origin: 'origin', destinaton: 'destination' }, features: () => ({ x: h.count() }) });",
    says: ["'destinaton' does not exist", "Did you mean to write 'destination'?"],
  },
  {
    mistake: 'a source column in a key',
    code: "h.streamView('v', { ...view, key: { origin: 'orign', destination: 'destination' }, features: () => ({ x: h.count() }) });",
    says: [
      '\'"orign"\' is not assignable to type \'"destination" | "flight" | "note" | "origin"\'',
      'Did you mean \'"origin"\'?',
    ],
  },
  {
    mistake: 'a source column of another type in a key',
    code: "h.streamView('v', { ...view, key: { origin: 'delay', destination: 'destination' }, features: () => ({ x: h.count() }) });",
    says: ['\'"delay"\' is not assignable to type \'"destination" | "flight" | "note" | "origin"\''],
  },
  {
    mistake: 'a key column that is missing in a view',
    code: "h.streamView('v', { ...view, key: { origin: 'origin' }, features: () => ({ x: h.count() }) });",
    says: ["Property 'destination' is missing"],
  },
  {
    mistake: 'a key column of a lookup',
    code: inService('h.lookup(byRoute, { origin: r.origin, destinaton: r.destination })'),
    says: ["'destinaton' does not exist", "Did you mean to write 'destination'?"],
  },
  {
    mistake: 'a key column that is missing in a lookup',
    code: inService('h.lookup(byRoute, { origin: r.origin })'),
    says: ["Property 'destination' is missing"],
  },
  {
    mistake: 'a key of another type in a lookup',
    code: inService('h.lookup(byRoute, { origin: r.n, destination: r.destination })'),
    says: ['\'Ref<"int">\' is not assignable to type \'Ref<"text" | "text?">\''],
  },
  {
    mistake: 'an event column',
    code: inView('h.mean(e.dealy)'),
    says: ["Property 'dealy' does not exist", "Did you mean 'delay'?"],
  },
  {
    mistake: 'a window text',
    code: inView('h.count()', "windows: ['15min'],"),
    says: ['\'"15min"\' is not assignable', 'bigint}m`'],
  },
  {
    mistake: 'a window text in over',
    code: inView("h.over(['7 d'], h.count())"),
    says: ['\'"7 d"\' is not assignable', 'bigint}d`'],
  },
  {
    mistake: 'a duration',
    code: inView('h.count()', "ttl: '1 day',"),
    says: ['\'"1 day"\' is not assignable', 'bigint}d`'],
  },
  {
    mistake: 'a text that is summed',
    code: inView('h.sum(e.origin)'),
    says: ["'Expr<\"text\">' is not assignable to parameter of type 'Expr<ExactNumber>'"],
  },
  {
    mistake: 'a float that is averaged, whose mean would depend on the order of events',
    code: inView('h.mean(e.weight)'),
    says: ["'Expr<\"float\">' is not assignable to parameter of type 'Expr<ExactNumberOrEmbedding>'"],
  },
  {
    mistake: 'embeddings that are summed',
    code: inView('h.sum(e.taste)'),
    says: ['Expr<"embedding<8>">', "'Expr<ExactNumber>'"],
  },
  {
    mistake: 'an embedding bound to an input of another length',
    code: `${onEmbedding} h.featureService('s', { request: { taste: h.embedding(8) }, join: () => ({}),
      compute: (r) => ({ near: h.apply(near, { taste: r.taste }) }) });`,
    says: ['"embedding<8>"', '"embedding<16>"'],
  },
  {
    mistake: 'a number as the test of a share',
    code: inView('h.share(e.delay)'),
    says: ['\'"int"\' is not assignable to type \'"bool"\''],
  },
  {
    mistake: 'a list that is counted apart',
    code: inView('h.distinct(e.stops)'),
    says: ["'\"list<text>\"' is not assignable to type 'NoList'"],
  },
  {
    mistake: 'a number compared with a text',
    code: inView("h.count(h.gt(e.delay, '15'))"),
    says: ["'string' is not assignable to parameter of type 'number | Expr<"],
  },
  {
    mistake: 'a text compared with a number column',
    code: inView('h.count(h.eq(e.origin, e.delay))'),
    says: ["'Expr<\"int\">' is not assignable to parameter of type 'string | Expr<"],
  },
  {
    mistake: 'a feature that is no aggregate',
    code: inView('e.delay'),
    says: ['\'"expression"\' is not assignable to type \'"aggregate"\''],
  },
  {
    mistake: 'the hop of a window that the view lacks',
    code: inView('h.count()', "hops: { '2h': '10m' },"),
    says: ["''2h'' does not exist in type '{ readonly \"1h\"?:"],
  },
  {
    mistake: 'an id that is no text',
    code: "h.eventSource('s', { id: 'n', time: 'at', columns: { n: h.int(), name: h.text(), at: h.time() } });",
    says: ['\'"n"\' is not assignable to type \'"name"\''],
  },
  {
    mistake: 'a time that is no time',
    code: "h.eventSource('s', { id: 'id', time: 'at', columns: { id: h.text(), at: h.int() } });",
    says: ['\'"at"\' is not assignable to type \'"a column that is time()"\''],
  },
  {
    mistake: 'a source without a text column',
    code: "h.eventSource('s', { id: 'n', time: 'at', columns: { n: h.int(), at: h.time() } });",
    says: ['\'"n"\' is not assignable to type \'"a column that is text()"\''],
  },
  {
    mistake: 'an input of an on-demand view',
    code: "h.onDemandView('o', { inputs: { now: h.float() }, features: { r: h.float() }, compute: ({ usual }) => ({ r: usual }) });",
    says: ["Property 'usual' does not exist"],
  },
  {
    mistake: 'a feature of an on-demand view with another type',
    code: "h.onDemandView('o', { inputs: { now: h.float() }, features: { r: h.float() }, compute: () => ({ r: 'x' }) });",
    says: ["'string' is not assignable to type 'number'"],
  },
  {
    mistake: 'a feature of an on-demand view that is not given',
    code: "h.onDemandView('o', { inputs: { now: h.float() }, features: { r: h.float() }, compute: () => ({}) });",
    says: ["Property 'r' is missing"],
  },
  {
    mistake: 'a value that can be null bound to an input that cannot',
    code: inService(
      joined,
      '(r, f) => ({ x: h.apply(excess, { now: f.route.mean_delay_1h, usual: h.orElse(f.route.mean_delay_1h, 0) }) })',
    ),
    says: ['\'"float?"\' is not assignable to type \'"float"\''],
  },
  {
    mistake: 'an input that is not bound',
    code: inService(joined, '(r, f) => ({ x: h.apply(excess, { now: h.orElse(f.route.mean_delay_1h, 0) }) })'),
    says: ["Property 'usual' is missing"],
  },
  {
    mistake: 'a stand-in of another type',
    code: inService(joined, "(r, f) => ({ x: h.orElse(f.route.mean_delay_1h, '0') })"),
    says: ["'string' is not assignable to parameter of type 'number'"],
  },
  {
    mistake: 'a label without an id',
    code: "h.model('m', { ...learn, label: { from: flights, value: (e) => h.gt(e.delay, 15), within: '1d' } });",
    says: ["Property 'id' is missing"],
  },
  {
    mistake: 'a label from a column that is not there',
    code: "h.model('m', { ...learn, label: { from: flights, id: 'flight', value: (e) => h.gt(e.dealy, 15), within: '1d' } });",
    says: ["Property 'dealy' does not exist", "Did you mean 'delay'?"],
  },
  {
    mistake: 'a label that is no number and no bool',
    code: "h.model('m', { ...learn, label: { from: flights, id: 'flight', value: (e) => e.origin, within: '1d' } });",
    says: ["'\"text\"' is not assignable to type 'BoolOrNumber'"],
  },
  {
    mistake: 'a binary task with a number as its label',
    code: "h.model('m', { ...learn, task: 'binary', label: { from: flights, id: 'flight', value: (e) => e.delay, within: '1d' } });",
    says: ['\'"binary"\' is not assignable to type \'"regression"\''],
  },
  {
    mistake: 'a slice that is no feature',
    code: "h.model('m', { ...learn, label: { from: flights, id: 'flight', value: (e) => h.gt(e.delay, 15), within: '1d' }, monitors: [{ kind: 'conceptDrift', slices: ['route_mean_delay_2h'] }] });",
    says: ['\'"route_mean_delay_2h"\' is not assignable', 'Did you mean \'"route_mean_delay_1h"\'?'],
  },
  {
    mistake: 'a monitored feature that is not there',
    code: "h.model('m', { ...learn, label: { from: flights, id: 'flight', value: (e) => h.gt(e.delay, 15), within: '1d' }, monitors: [{ kind: 'featureDrift', features: ['route_mean_delay_2h'] }] });",
    says: ['\'"route_mean_delay_2h"\' is not assignable', 'Did you mean \'"route_mean_delay_1h"\'?'],
  },
  {
    mistake: 'a spine without a column of the request',
    code: "h.model('m', { ...learn, spine: { from: h.eventSource('x', { id: 'i', time: 't', columns: { i: h.text(), t: h.time() } }), id: 'i' }, label: { from: flights, id: 'flight', value: (e) => h.gt(e.delay, 15), within: '1d' } });",
    says: ['is missing the following properties', 'destination, origin, scheduled'],
  },
  {
    mistake: 'an entity where a part of a project is expected',
    code: "h.defineProject('p', { user });",
    says: ["'Entity<", "is not assignable to type 'Part'"],
  },
  {
    mistake: 'a source that a batch view does not read',
    code: `h.batchView('b', { entity: user, schedule: '0 3 * * *', freshness: '1d', reads: { flights }, features: { n: h.int() }, sql: ({ departures }) => h.sql\`SELECT \${departures}\` });`,
    says: ["Property 'departures' does not exist", 'readonly flights: SqlReference'],
  },
  {
    mistake: 'a value put into SQL',
    code: `h.batchView('b', { entity: user, schedule: '0 3 * * *', freshness: '1d', reads: { flights }, features: { n: h.int() }, sql: () => h.sql\`SELECT \${'x'}\` });`,
    says: ["'string' is not assignable to parameter of type 'SqlReference'"],
  },
  { mistake: 'a decimal without a scale', code: 'h.decimal();', says: ['Expected 1-2 arguments, but got 0'] },
  {
    mistake: 'a list of lists',
    code: 'h.list(h.list(h.int()));',
    says: ["'\"list<int>\"' is not assignable to type 'ScalarTag'"],
  },
  {
    mistake: 'a feature of a vector',
    code: 'export const f = (v: h.FeatureValues<typeof departure>) => v.route_mean_dealy_1h;',
    says: ["Property 'route_mean_dealy_1h' does not exist", "Did you mean 'route_mean_delay_1h'?"],
  },
  {
    mistake: 'a feature that can be null, used as a number',
    code: 'export const f = (v: h.FeatureValues<typeof departure>): number => v.route_mean_delay_1h;',
    says: ["'number | null' is not assignable to type 'number'"],
  },
  {
    mistake: 'a request without a column',
    code: "export const r: h.RequestOf<typeof departure> = { origin: 'ATL', scheduled: 0 };",
    says: ["Property 'destination' is missing"],
  },
  {
    mistake: 'an event with a column of another type',
    code: "export const e: h.EventOf<typeof spine> = { flight: 'a', scheduled: 'now', origin: 'ATL', destination: 'SFO' };",
    says: ["'string' is not assignable to type 'number'"],
  },
  {
    mistake: 'a score that a pipeline reads',
    code: inPipeline("({ scores }) => ({ text: 'a', price: scores.lat })"),
    says: ["Property 'lat' does not exist", "Did you mean 'late'?"],
  },
  {
    mistake: 'a feature that a pipeline reads',
    code: inPipeline("({ features }) => ({ text: 'a', price: features.excess_rato ?? 0 })"),
    says: ["Property 'excess_rato' does not exist", "Did you mean 'excess_ratio'?"],
  },
  {
    mistake: 'a feature without an answer, used as an output',
    code: inPipeline("({ features }) => ({ text: 'a', price: features.route_flights_1h })"),
    says: ["'number | null' is not assignable to type 'number'"],
  },
  {
    mistake: 'an output of another type',
    code: inPipeline('({ scores }) => ({ text: scores.late, price: 1 })'),
    says: ["'number' is not assignable to type 'string'"],
  },
  {
    mistake: 'a pipeline without one of its outputs',
    code: inPipeline('({ scores }) => ({ price: scores.late })'),
    says: ["Property 'text' is missing"],
  },
  {
    mistake: 'a model that reads what the request of the pipeline has not',
    code: `${modelled} const small = h.featureService('small', { request: { origin: h.text(), destination: h.text() }, join: (r) => ({ route: h.lookup(byRoute, r) }) });
export const p = h.pipeline('p', { service: small, models: { late }, outputs: { price: h.float() }, run: ({ scores }) => ({ price: scores.late }) });`,
    says: ['the request has no such column: scheduled'],
  },
  {
    mistake: 'a sink of an unknown kind',
    code: `${modelled} h.streamInference('s', { model: late, from: spine, to: 't', sinks: { a: { kind: 'pigeon', url: 'http://a' } } });`,
    says: ['"pigeon"', '"webhook"'],
  },
  {
    mistake: 'a column of scores',
    code: `${modelled} ${scoredView('e.scor')}`,
    says: ["Property 'scor' does not exist", "Did you mean 'score'?"],
  },
  {
    mistake: 'a column of scores that has another name',
    code: `${modelled} ${scoredView('e.score', "columns: { score: 'chance' }")}`,
    says: ["Property 'score' does not exist"],
  },
];
