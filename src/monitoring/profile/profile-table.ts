import { type ColumnValues, isTime, type TableFile, type TableFileColumn } from '../../ports/table-file.ts';
import { addNumbers, MOST_BATCH, numberColumn, settleNumbers } from './add-numbers.ts';
import { addText, type ColumnSketch, createColumnSketch } from './column-sketch.ts';
import { createProfile, type Profile } from './profile.ts';

/** Profiles every column of a file in one scan, over the bins of `like` where a column of the same name has some. Times are left out. */
export async function profileTableFile(table: TableFile, like: Profile | null = null): Promise<Profile> {
  const profile = createProfile();
  const columns = table.columns.filter(({ declared }) => !isTime(declared));
  const takers = columns.map(({ name, type }) => {
    const known = like?.columns.get(name);
    const sketch = createColumnSketch(type, known?.type === type ? known.bins : null);
    profile.columns.set(name, sketch);
    return takerOf(type, sketch);
  });
  if (columns.length === 0) profile.rows = table.rows;
  const names = columns.map(({ name }) => name);
  for await (const batch of names.length === 0 ? [] : table.batches(names)) {
    profile.rows += batch[0]?.length ?? 0;
    for (const [c, values] of batch.entries()) takers[c].take(values);
  }
  for (const { end } of takers) end();
  return profile;
}

/** Takes the values of a column into its sketch, which can be read after its end. */
interface ColumnTaker {
  readonly take: (values: ColumnValues) => void;
  readonly end: () => void;
}

function takerOf(type: TableFileColumn['type'], sketch: ColumnSketch): ColumnTaker {
  if (type === 'number') return numberTaker(sketch);
  return {
    take: (values) => {
      if (!(values instanceof Float64Array)) for (const value of values) addText(sketch, value);
    },
    end: () => undefined,
  };
}

/** Numbers wait until they make a batch: one sort serves all of it. */
function numberTaker(sketch: ColumnSketch): ColumnTaker {
  const column = numberColumn(sketch);
  const waiting = new Float64Array(MOST_BATCH);
  let count = 0;
  const add = () => {
    addNumbers(column, waiting, 0, 1, count);
    count = 0;
  };
  return {
    take: (values) => {
      if (!(values instanceof Float64Array)) return;
      for (let from = 0; from < values.length; ) {
        const part = values.subarray(from, from + MOST_BATCH - count);
        waiting.set(part, count);
        count += part.length;
        from += part.length;
        if (count === MOST_BATCH) add();
      }
    },
    end: () => {
      add();
      settleNumbers(column);
    },
  };
}
