import type { Plan, PlanKind, PlanOf } from '../plan/plan.ts';
import { admissionSql } from './admission.ts';
import { answersSql } from './answers.ts';
import { asOfSql } from './as-of.ts';
import { changedPartialsSql } from './changed-partials.ts';
import { closedPartialsSql } from './closed-partials.ts';
import { declaredSql } from './declared.ts';
import type { Dialect, Statement, Step } from './dialect.ts';
import { extremesSql } from './extremes.ts';
import { generationSql } from './generation.ts';
import { instantsSql } from './instants.ts';
import { mergedPartialsSql } from './merged-partials.ts';
import { openPartialsSql } from './open-partials.ts';
import { partsSql } from './parts.ts';
import { pointsSql } from './points.ts';
import { presentSql } from './present.ts';
import { runningSumsSql } from './running-sums.ts';
import { scanSql } from './scan.ts';
import { slideSql } from './slide.ts';
import { tilesSql } from './tiles.ts';
import { viewEventsSql } from './view-events.ts';
import { wholeTilesSql } from './whole-tiles.ts';
import { windowPartsSql } from './window-parts.ts';

/** Writes the SELECT of a plan; inputs are read by the names of their steps. */
export type Writer<P extends Plan> = (plan: P, compiler: Compiler) => string;

/** One writer per kind of plan: a new kind breaks the build until it has one. */
export type Writers = { readonly [Kind in PlanKind]: Writer<PlanOf<Kind>> };

export interface Compiler {
  readonly dialect: Dialect;
  /** The name of the step that holds the plan's result; plans of one text are one step. */
  step(plan: Plan): string;
  /** Adds a step that belongs to no plan, unless one has its text; returns its name. */
  add(name: string, sql: string): string;
}

/** The text that all engines share. */
const shared: Writers = {
  scan: scanSql,
  admission: admissionSql,
  declared: declaredSql,
  viewEvents: viewEventsSql,
  tiles: tilesSql,
  wholeTiles: wholeTilesSql,
  parts: partsSql,
  points: pointsSql,
  instants: instantsSql,
  runningSums: runningSumsSql,
  present: presentSql,
  asOf: asOfSql,
  extremes: extremesSql,
  closedPartials: closedPartialsSql,
  openPartials: openPartialsSql,
  changedPartials: changedPartialsSql,
  mergedPartials: mergedPartialsSql,
  windowParts: windowPartsSql,
  slide: slideSql,
  generation: generationSql,
  answers: answersSql,
};

/** The name of each kind's result in the text. */
const STEP_NAMES: Readonly<Record<Exclude<PlanKind, 'scan'>, string>> = {
  admission: 'accepted',
  declared: 'declared',
  viewEvents: 'events',
  tiles: 'tiles',
  wholeTiles: 'whole_tiles',
  parts: 'parts',
  points: 'points',
  instants: 'instants',
  runningSums: 'running_sums',
  present: 'present',
  asOf: 'looked_up',
  extremes: 'extremes',
  closedPartials: 'closed_partials',
  openPartials: 'open_partials',
  changedPartials: 'changed_partials',
  mergedPartials: 'partials',
  windowParts: 'window_parts',
  slide: 'slide',
  generation: 'visible',
  answers: 'answers',
};

/** Compiles a plan to one SELECT statement of the dialect. */
export function compilePlan(plan: Plan, dialect: Dialect): string {
  return dialect.statement(compileSteps(plan, dialect));
}

/** Compiles a plan to a SELECT of the dialect and the steps that it reads, for engines that keep them one by one. */
export function compileSteps(plan: Plan, dialect: Dialect): Statement {
  const writers: Writers = { ...shared, ...dialect.writers };
  const steps: Step[] = [];
  const names = new Map<Plan, string>();
  const add = (wanted: string, sql: string): string => {
    const same = steps.find((step) => step.sql === sql);
    if (same !== undefined) return same.name;
    let name = wanted;
    for (let i = 2; steps.some((step) => step.name === name); i += 1) name = `${wanted}_${i}`;
    steps.push({ name, sql });
    return name;
  };
  const compiler: Compiler = {
    dialect,
    add,
    step: (input) => {
      const name = names.get(input) ?? add(stepName(input), write(input, writers, compiler));
      names.set(input, name);
      return name;
    },
  };
  const select = write(plan, writers, compiler);
  return { steps, select };
}

function stepName(plan: Plan): string {
  return plan.kind === 'scan' ? plan.of : STEP_NAMES[plan.kind];
}

function write(plan: Plan, writers: Writers, compiler: Compiler): string {
  switch (plan.kind) {
    case 'scan':
      return writers.scan(plan, compiler);
    case 'admission':
      return writers.admission(plan, compiler);
    case 'declared':
      return writers.declared(plan, compiler);
    case 'viewEvents':
      return writers.viewEvents(plan, compiler);
    case 'tiles':
      return writers.tiles(plan, compiler);
    case 'wholeTiles':
      return writers.wholeTiles(plan, compiler);
    case 'parts':
      return writers.parts(plan, compiler);
    case 'points':
      return writers.points(plan, compiler);
    case 'instants':
      return writers.instants(plan, compiler);
    case 'runningSums':
      return writers.runningSums(plan, compiler);
    case 'present':
      return writers.present(plan, compiler);
    case 'asOf':
      return writers.asOf(plan, compiler);
    case 'extremes':
      return writers.extremes(plan, compiler);
    case 'closedPartials':
      return writers.closedPartials(plan, compiler);
    case 'openPartials':
      return writers.openPartials(plan, compiler);
    case 'changedPartials':
      return writers.changedPartials(plan, compiler);
    case 'mergedPartials':
      return writers.mergedPartials(plan, compiler);
    case 'windowParts':
      return writers.windowParts(plan, compiler);
    case 'slide':
      return writers.slide(plan, compiler);
    case 'generation':
      return writers.generation(plan, compiler);
    case 'answers':
      return writers.answers(plan, compiler);
    default:
      return plan satisfies never;
  }
}
