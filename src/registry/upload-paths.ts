/** The folder of unfinished uploads: no artefact can have such a name. */
export const UPLOADS = '#uploads';

/** The folder of the parts of an upload. */
export function uploadFolder(upload: string): string {
  return `${UPLOADS}/${upload}`;
}

/** The path of a part; parts are joined in order of their paths. */
export function partPath(upload: string, number: number): string {
  return `${uploadFolder(upload)}/${String(number).padStart(5, '0')}`;
}
