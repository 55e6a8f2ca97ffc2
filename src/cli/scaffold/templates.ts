import { driftTemplate } from './drift-template.ts';
import { featuresTemplate } from './features-template.ts';
import { gpuTemplate } from './gpu-template.ts';
import { modelTemplate } from './model-template.ts';
import { personalisationTemplate } from './personalisation-template.ts';
import type { Template } from './template.ts';

/** The templates that `headrace init` offers, in the order of the choice. */
export const templates: readonly Template[] = [
  featuresTemplate,
  modelTemplate,
  personalisationTemplate,
  driftTemplate,
  gpuTemplate,
];

/** The template of a call that names none and has no terminal to choose on. */
export const usualTemplate: Template = modelTemplate;
