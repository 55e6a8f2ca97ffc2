import { never } from './row.ts';

/** Errors of a declaration. */
export const declarationErrors = {
  WINDOW_TEXT: never(400, 2)
    .message('{where} is {text}')
    .hint('write a positive whole number and ms, s, m, h or d, such as "15m"'),
  COLUMN_SCALE: never(400, 2).message('a decimal has the scale {scale}').hint('write a whole number from 0 to 15'),
  COLUMN_LENGTH: never(400, 2)
    .message('an embedding has the length {length}')
    .hint('write a whole number from 1 to 4,096'),
  COLUMN_ELEMENT: never(400, 2)
    .message('a list has elements of type {type}')
    .hint('use a type that is neither a list nor an embedding and cannot be null'),
  EXPRESSION_LITERAL: never(400, 2)
    .message('the literal {literal} does not fit the type {type} that it is combined with')
    .hint('write a number that the type holds exactly'),
  EXPRESSION_SCALE: never(400, 2)
    .message('an expression combines decimals of scale {left} and {right}')
    .hint('declare both with the same scale'),
  EXPRESSION_PRODUCT: never(400, 2)
    .message('an expression multiplies a {left} by a {right}')
    .hint('multiply int and int64, or one of them and a decimal; the product of two decimals would have another scale'),
  AGGREGATE_PARAM: never(400, 2)
    .message('an aggregate has {param} = {value}; expected {wanted}')
    .hint('write a value of the expected kind'),
  AGGREGATE_DAYS: never(400, 2)
    .message('an aggregate {kind} is of "{total}"; day totals are of "sum" or "count"')
    .hint(
      'write it of a sum or a count, such as maxOfDays(sum(e.price)), and name windows around it: over([…], maxOfDays(…))',
    ),
  WINDOW_HOP: never(400, 2)
    .message('view {view} has a window of {windowMs} ms, and no default hop divides it')
    .hint('use a window of 12s or more, or declare its hop in hops'),
  WINDOW_HOP_SIZE: never(400, 2)
    .message('view {view} declares the hop {hopMs} ms for its window {window}')
    .hint("declare a hop no longer than one of the view's windows"),
  WINDOWS_NONE: never(400, 2)
    .message('the aggregate {aggregate} of view {view} has no window')
    .hint('name at least one window in windows or in over'),
  HOPS_NEST: never(400, 2)
    .message('view {view} has the hops {small} ms and {large} ms; the larger is not a multiple of the smaller')
    .hint('declare hops that are whole multiples of each other'),
  NAME_TEXT: never(400, 2)
    .message('the {kind} has the name {name}')
    .hint('start with a letter; use at most 63 letters, digits and underscores'),
  NAMES_NONE: never(400, 2).message('{where} declares no {kind}').hint('declare at least one'),
  NAME_TWICE: never(400, 2)
    .message('two declarations of kind {kind} have the name {name}')
    .hint('rename one of them, or give it another version'),
  VERSION_NUMBER: never(400, 2).message('{where} has the version {version}').hint('write a whole number from 1'),
  KEY_TYPE: never(400, 2)
    .message('entity {entity} has the key column {column} of type {type}')
    .hint('use text, int, int64, decimal, bool or time, and not nullable'),
  SOURCE_ROLE: never(400, 2)
    .message('source {source} uses the column {column} both as its id and as {role}')
    .hint('use separate columns: the id identifies a delivery, and a row has one delivery per change'),
  SOURCE_COLUMN: never(400, 2)
    .message('source {source} names {column} as its {role}; that needs a declared {type} column that is not nullable')
    .hint('name a declared column of that type'),
  VIEW_KEY: never(400, 2)
    .message('view {view} takes {part} of entity {entity} from {column}; the key is {parts}')
    .hint('name a source column of the same type for each key column'),
  VIEW_AGGREGATE: never(400, 2)
    .message('feature {name} of view {view} is not an aggregate')
    .hint('write an aggregate such as mean(e.delay)'),
  VIEW_SHARE: never(400, 2)
    .message('batch view {view} declares mayLose {share}, which is not a share')
    .hint('use a number from 0 to 1: with 0 a run may lose no key, with 1 all keys'),
  INFERENCE_SHARE: never(400, 2)
    .message('batch inference {view} declares mostErrors {share}, which is not a share')
    .hint('use a number from 0 to 1: with 0 no row may be rejected, with 1 all rows'),
  INFERENCE_KEY: never(400, 2)
    .message(
      'batch inference {view} has the key column {column} of type {type}; the request of its model has it as {asked}',
    )
    .hint('declare the key column with the type that the request has, or rename one of the two'),
  VIEW_FEATURE_TWICE: never(400, 2).message('view {view} has two columns named {feature}').hint('rename one of them'),
  SERVICE_SKEW: never(400, 2)
    .message('service {service} lets the share {atMost} of its values differ from the history')
    .hint('declare a share from 0 to 1, such as 0.001'),
  SCHEDULE_TEXT: never(400, 2)
    .message('view {view} has the schedule {schedule}')
    .hint('write five cron fields in UTC, such as "0 3 * * *"'),
  SERVICE_KEY: never(400, 2)
    .message('a lookup of view {view} does not take {part} of its key from the request')
    .hint('use a request column'),
  SERVICE_FEATURE: never(400, 2)
    .message('a lookup of view {view} names the feature {feature}; it has {known}')
    .hint('name one of them'),
  SERVICE_INPUT: never(400, 2)
    .message('view {view} is applied without its input {input}')
    .hint('pass a request column or a feature for it'),
  SERVICE_FEATURE_TWICE: never(400, 2)
    .message('service {service} has two features named {feature}')
    .hint('give one of them an alias'),
  MODEL_COLUMN: never(400, 2)
    .message('model {model} takes the id of its {role} from {column} of source {source}, which is not a text column')
    .hint('name the text column that contains the id of the prediction'),
  MODEL_OPTION: never(400, 2)
    .message('option {option} of model {model} is not JSON')
    .hint('write texts, finite numbers, booleans, arrays and plain objects'),
  MODEL_MONITOR: never(400, 2)
    .message('a monitor of model {model} is refused: {reason}')
    .hint(
      'write { kind: featureDrift, predictionDrift, conceptDrift or estimatedQuality } with the options of the guide to drift',
    ),
  MODEL_INPUT: never(400, 2)
    .message('model {model} reads service {service}, which has no feature that a model accepts')
    .hint('add a feature that is a number, a bool, a time or an embedding; models accept no texts or lists'),
  MODEL_TASK: never(400, 2)
    .message('the task {task} does not fit the label {label} of model {model}')
    .hint('write "binary" for a bool label, or "regression" for a number; there are no other tasks'),
  MODEL_LABEL: never(400, 2)
    .message('the label of model {model} is of type {type}')
    .hint('use a bool, an int or a float as the value of the label'),
  MODEL_PROXY: never(400, 2)
    .message('model {model} declares a proxy "{proxy}" that cannot be measured: {reason}')
    .hint('declare it over a source with the id of the prediction, with a value that comes before the label'),
  MODEL_QUANTILE: never(400, 2)
    .message('model {model} has the task {task} and the quantile {quantile}')
    .hint('write a number between 0 and 1, and only for a regression'),
  MODEL_SPINE: never(400, 2)
    .message('model {model} learns from {source}, which has no column {column} of type {type}')
    .hint('use a source that has the request columns of the service'),
};
