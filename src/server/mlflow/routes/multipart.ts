import { trimEndOf } from '../../../base/trim-end.ts';
import type { IndexedFile } from '../../../ports/artifact-index.ts';
import type { ArtifactStore } from '../../../ports/artifact-store.ts';
import { storeContent } from '../../../registry/store-content.ts';
import { partPath, uploadFolder } from '../../../registry/upload-paths.ts';
import { requestHeld } from '../../limits/request-held.ts';
import { accesses } from '../accesses.ts';
import { writablePath } from '../artifact-name.ts';
import { invalid, MlflowFault } from '../fault.ts';
import type { Message } from '../message.ts';
import { type MlflowContext, type MlflowRoute, route, type StreamRequest, streamRoute } from '../mlflow-route.ts';
import { lengthOf, readMessage } from '../read-message.ts';
import { sendJson } from '../send.ts';

const MOST_PARTS = 10_000;

/** Uploads of large artefacts in parts: each part is a content, and the last request joins them. */
export const multipartRoutes: readonly MlflowRoute[] = [
  streamRoute('POST', '/mlflow-artifacts/mpu/create/{path+}', accesses.uploads, createUpload),
  streamRoute('PUT', '/mlflow-artifacts/mpu/part/{upload}/{number}', accesses.uploads, uploadPart),
  route(
    'POST',
    '/mlflow-artifacts/mpu/complete/{path+}',
    accesses.uploads,
    async (context, { message, params: [folder] }) => {
      const upload = uploadOf(message);
      const path = writablePath(targetOf(folder, message));
      const parts = await context.registry.filesUnder(uploadFolder(upload));
      const asked = message
        .messages('parts')
        .map((part) => ({ number: part.requiredWhole('part_number'), etag: part.text('etag') }));
      checkParts(parts, asked, upload);
      const whole = parts.reduce((sum, { sizeBytes: size }) => sum + size, 0);
      const content = joined(context.artifacts, parts);
      const { digest, sizeBytes } = await storeContent(context, content, context.clock(), whole);
      await context.registry.nameFile({ path, digest, sizeBytes }, context.clock());
      await context.registry.unnameFiles(uploadFolder(upload));
      return {};
    },
  ),
  route('POST', '/mlflow-artifacts/mpu/abort/{path+}', accesses.uploads, async ({ registry }, { message }) => {
    await registry.unnameFiles(uploadFolder(uploadOf(message)));
    return {};
  }),
];

/** The address of each part is one of this server; its headers let the client in as itself. */
async function createUpload(
  { randomHex }: MlflowContext,
  { params: [folder], request, response, origin }: StreamRequest,
) {
  const message = await readMessage(request, '', new URLSearchParams(), requestHeld(request, response));
  writablePath(targetOf(folder, message));
  const count = message.whole('num_parts') ?? 1;
  if (count < 1 || count > MOST_PARTS) throw invalid(`num_parts must be between 1 and ${MOST_PARTS}, got ${count}`);
  const upload = randomHex(16);
  const { authorization } = request.headers;
  const credentials = Array.from({ length: count }, (_, i) => ({
    url: `${origin}/api/2.0/mlflow-artifacts/mpu/part/${upload}/${i + 1}`,
    part_number: i + 1,
    headers: authorization === undefined ? {} : { authorization },
  }));
  sendJson(response, 200, { upload_id: upload, credentials });
}

async function uploadPart(
  { registry, artifacts, clock }: MlflowContext,
  { params: [upload, number], request, response }: StreamRequest,
) {
  if (!/^[0-9a-f]{32}$/.test(upload) || !/^[1-9]\d{0,4}$/.test(number)) throw invalid('Invalid upload or part');
  const { digest, sizeBytes } = await storeContent({ registry, artifacts }, request, clock(), lengthOf(request));
  await registry.nameFile({ path: partPath(upload, Number(number)), digest, sizeBytes }, clock());
  sendJson(response, 200, {}, { etag: `"${digest}"` });
}

function uploadOf(message: Message): string {
  const upload = message.required('upload_id');
  if (!/^[0-9a-f]{32}$/.test(upload)) throw invalid(`Invalid upload_id: '${upload.slice(0, 100)}'`);
  return upload;
}

/** The path of a request is the folder; `path` is the file on the client's disk, whose last part is the name. */
function targetOf(folder: string, message: Message): string {
  const name = message.required('path').split(/[\\/]/).at(-1) ?? '';
  return `${trimEndOf(folder, '/')}/${name}`;
}

function checkParts(
  parts: readonly IndexedFile[],
  asked: readonly { readonly number: number; readonly etag: string }[],
  upload: string,
): void {
  if (parts.length === 0) throw new MlflowFault('RESOURCE_DOES_NOT_EXIST', `There is no upload ${upload}`);
  if (asked.length !== parts.length) throw invalid(`The upload has ${parts.length} parts, not ${asked.length}`);
  const digests = new Map(parts.map(({ path, digest }) => [path, digest]));
  for (const { number, etag } of asked)
    if (digests.get(partPath(upload, number)) !== etag.replaceAll('"', ''))
      throw invalid(`Part ${number} differs from the uploaded one`);
}

async function* joined(artifacts: ArtifactStore, parts: readonly IndexedFile[]): AsyncIterable<Uint8Array> {
  for (const { digest } of parts) yield* await artifacts.read(digest);
}
