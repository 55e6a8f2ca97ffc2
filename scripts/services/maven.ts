import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must, once } from './binaries.ts';

/** What Maven does by now: two of them do not write to one repository of the user. */
let working: Promise<void> = Promise.resolve();

/** Artifacts and, unless `alone`, all that they need at run time, as a folder of jars; had once. `name` has the version. */
export async function mavenLibraries(name: string, artifacts: readonly string[], alone = false): Promise<string> {
  const unpacked = await once(name, async (into) => {
    writeFileSync(join(into, 'pom.xml'), pom(artifacts));
    const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', '-DoutputDirectory=libs'];
    working = working.then(() => must('mvn', ['-q', '-B', ...goal, `-DexcludeTransitive=${alone}`], into));
    await working;
  });
  return join(unpacked, 'libs');
}

function pom(artifacts: readonly string[]): string {
  const dependencies = artifacts.map((artifact) => {
    const [groupId, artifactId, version] = artifact.split(':');
    return `<dependency><groupId>${groupId}</groupId><artifactId>${artifactId}</artifactId><version>${version}</version></dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>headrace</groupId><artifactId>services</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>${dependencies.join('\n')}</dependencies></project>`;
}
