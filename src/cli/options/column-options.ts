import type { ColumnChoice } from '../../monitoring/detect/choose-columns.ts';
import type { Call } from '../command.ts';
import { option } from './option.ts';
import { column, list } from './option-kinds.ts';

/** Options that choose the features of files, in every command of drift that looks at some. */
export const columnOptions = {
  ignore: option(list(column), 'columns to leave out, with commas between; one may be in one file only'),
  features: option(list(column), 'columns to look at as features, with commas between (all)'),
};

/** The chosen columns of a call. */
export function columnChoice({
  options: { ignore = [], features = [] },
}: Pick<Call<typeof columnOptions>, 'options'>): ColumnChoice {
  return { ignore, features };
}
