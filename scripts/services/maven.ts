import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must, once } from './binaries.ts';

/** What Maven does by now: two of them do not write to one repository of the user. */
let working: Promise<void> = Promise.resolve();

/**
 * Artifacts and, unless `alone`, all that they need at run time, as a folder of jars; had once. `name` has the version. `unpublished` are
 * parents that artifacts name and the repository lacks: an empty one takes their place.
 */
export async function mavenLibraries(
  name: string,
  artifacts: readonly string[],
  alone = false,
  unpublished: readonly string[] = [],
): Promise<string> {
  const unpacked = await once(name, async (into) => {
    for (const parent of unpublished) writeParent(join(into, 'parents'), parent);
    writeFileSync(join(into, 'pom.xml'), pom(artifacts));
    const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', '-DoutputDirectory=libs'];
    working = working.then(() => must('mvn', ['-q', '-B', ...goal, `-DexcludeTransitive=${alone}`], into));
    await working;
  });
  return join(unpacked, 'libs');
}

function writeParent(repository: string, parent: string): void {
  const [groupId, artifactId, version] = parent.split(':');
  const folder = join(repository, ...groupId.split('.'), artifactId, version);
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, `${artifactId}-${version}.pom`),
    `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>${groupId}</groupId>
<artifactId>${artifactId}</artifactId><version>${version}</version><packaging>pom</packaging></project>`,
  );
}

function pom(artifacts: readonly string[]): string {
  const dependencies = artifacts.map((artifact) => {
    const [groupId, artifactId, version] = artifact.split(':');
    return `<dependency><groupId>${groupId}</groupId><artifactId>${artifactId}</artifactId><version>${version}</version></dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>headrace</groupId><artifactId>services</artifactId><version>1</version><packaging>pom</packaging>
<repositories><repository><id>parents</id><url>file://\${project.basedir}/parents</url></repository></repositories>
<dependencies>${dependencies.join('\n')}</dependencies></project>`;
}
