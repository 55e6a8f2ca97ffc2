import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { storeContent } from '../../../registry/store-content.ts';
import { isVersionPath, versionEntries, versionFile } from '../../../registry/version-folder.ts';
import { accesses } from '../accesses.ts';
import { artifactName, writablePath } from '../artifact-name.ts';
import { rangeOf } from '../byte-range.ts';
import { MlflowFault } from '../fault.ts';
import { type MlflowContext, type MlflowRoute, route, type StreamRequest, streamRoute } from '../mlflow-route.ts';
import { lengthOf } from '../read-message.ts';
import { sendJson } from '../send.ts';
import { listed } from '../wire.ts';

/** The proxy of artefacts: bytes by their path, streamed both ways. */
export const artifactRoutes: readonly MlflowRoute[] = [
  route('GET', '/mlflow-artifacts/artifacts', accesses.reads, async (context, { message }) => {
    const path = artifactName(message.text('path'), { mayBeRoot: true });
    const entries = isVersionPath(path) ? await versionEntries(context, path) : await context.registry.folder(path);
    const files = entries.map(({ name, isFolder, sizeBytes }) => ({
      path: name,
      is_dir: isFolder,
      ...(sizeBytes === null ? {} : { file_size: sizeBytes }),
    }));
    return listed('files', files);
  }),
  streamRoute('PUT', '/mlflow-artifacts/artifacts/{path+}', accesses.uploads, upload),
  streamRoute('GET', '/mlflow-artifacts/artifacts/{path+}', accesses.reads, download),
  route('DELETE', '/mlflow-artifacts/artifacts/{path+}', accesses.erases, async ({ registry }, { params: [path] }) => {
    await registry.unnameFiles(writablePath(path));
    return {};
  }),
  route('GET', '/mlflow-artifacts/presigned/{path+}', accesses.reads, async () => {
    throw new MlflowFault(
      'NOT_IMPLEMENTED',
      'Presigned downloads are not supported: read the artifact through this server',
    );
  }),
];

async function upload({ registry, artifacts, clock }: MlflowContext, { params, request, response }: StreamRequest) {
  const path = writablePath(params[0]);
  const { digest, sizeBytes } = await storeContent({ registry, artifacts }, request, clock(), lengthOf(request));
  await registry.nameFile({ path, digest, sizeBytes }, clock());
  sendJson(response, 200, {});
}

async function download({ registry, artifacts }: MlflowContext, { params, request, response }: StreamRequest) {
  const path = artifactName(params[0]);
  const file = isVersionPath(path) ? await versionFile({ registry, artifacts }, path) : await registry.file(path);
  if (file === null) throw new MlflowFault('RESOURCE_DOES_NOT_EXIST', `No such artifact: '${path}'`);
  const range = rangeOf(request.headers.range, file.sizeBytes);
  const bytes = await artifacts.read(file.digest, range ?? undefined);
  const length = range === null ? file.sizeBytes : range.to - range.from + 1;
  response.writeHead(range === null ? 200 : 206, {
    'content-type': 'application/octet-stream',
    'content-length': length,
    'content-disposition': dispositionOf(path),
    'x-content-type-options': 'nosniff',
    'accept-ranges': 'bytes',
    etag: `"${file.digest}"`,
    ...(range === null ? {} : { 'content-range': `bytes ${range.from}-${range.to}/${file.sizeBytes}` }),
  });
  await pipeline(Readable.from(bytes, { objectMode: false }), response);
}

/** RFC 6266: a name outside Latin-1 is in the second form only, percent-encoded UTF-8 (RFC 8187). */
function dispositionOf(path: string): string {
  const name = path.split('/').at(-1) ?? path;
  const plain = name.replaceAll(/[^\x20-\x7e]|["\\]/g, '_');
  const encoded = encodeURIComponent(name).replaceAll(
    /['()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
