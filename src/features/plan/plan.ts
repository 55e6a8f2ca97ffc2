import type { AdmissionPlan } from './admission.ts';
import type { AnswersPlan } from './answers.ts';
import type { AsOfPlan } from './as-of.ts';
import type { ChangedPartialsPlan } from './changed-partials.ts';
import type { ClosedPartialsPlan } from './closed-partials.ts';
import type { DeclaredPlan } from './declared.ts';
import type { ExtremesPlan } from './extremes.ts';
import type { GenerationPlan } from './generation.ts';
import type { InstantsPlan } from './instants.ts';
import type { MergedPartialsPlan } from './merged-partials.ts';
import type { OpenPartialsPlan } from './open-partials.ts';
import type { PartsPlan } from './parts.ts';
import type { PointsPlan } from './points.ts';
import type { PresentPlan } from './present.ts';
import type { RunningSumsPlan } from './running-sums.ts';
import type { ScanPlan } from './scan.ts';
import type { SlidePlan } from './slide.ts';
import type { TilesPlan } from './tiles.ts';
import type { ViewEventsPlan } from './view-events.ts';
import type { WholeTilesPlan } from './whole-tiles.ts';
import type { WindowPartsPlan } from './window-parts.ts';

/** A computation, as plain data: one kind per file, compiled to SQL by the file of the same name in `../sql/`. */
export type Plan =
  | ScanPlan
  | AdmissionPlan
  | DeclaredPlan
  | ViewEventsPlan
  | TilesPlan
  | WholeTilesPlan
  | PartsPlan
  | PointsPlan
  | InstantsPlan
  | RunningSumsPlan
  | PresentPlan
  | AsOfPlan
  | ExtremesPlan
  | ClosedPartialsPlan
  | OpenPartialsPlan
  | ChangedPartialsPlan
  | MergedPartialsPlan
  | WindowPartsPlan
  | SlidePlan
  | GenerationPlan
  | AnswersPlan;

export type PlanKind = Plan['kind'];
export type PlanOf<Kind extends PlanKind> = Extract<Plan, { kind: Kind }>;
