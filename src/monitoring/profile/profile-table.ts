import { isTime, type TableFile } from '../../ports/table-file.ts';
import { addNumber, addText, type ColumnSketch, createColumnSketch } from './column-sketch.ts';
import { createProfile, type Profile } from './profile.ts';

/** Profiles every column of a file in one scan, over the bins of `like` where a column of the same name has some. Times are left out. */
export async function profileTableFile(table: TableFile, like: Profile | null = null): Promise<Profile> {
  const profile = createProfile();
  const columns = table.columns.filter(({ declared }) => !isTime(declared));
  const sketches = columns.map(({ name, type }): ColumnSketch => {
    const known = like?.columns.get(name);
    const sketch = createColumnSketch(type, known?.type === type ? known.bins : null);
    profile.columns.set(name, sketch);
    return sketch;
  });
  if (columns.length === 0) profile.rows = table.rows;
  const names = columns.map(({ name }) => name);
  for await (const batch of names.length === 0 ? [] : table.batches(names)) {
    profile.rows += batch[0]?.length ?? 0;
    batch.forEach((values, c) => {
      const sketch = sketches[c];
      if (values instanceof Float64Array) for (let i = 0; i < values.length; i += 1) addNumber(sketch, values[i]);
      else for (const value of values) addText(sketch, value);
    });
  }
  return profile;
}
