/**
 * Makes the signed packages of examples/hello anew, out of the demo's. The private key is thrown away:
 * nobody can sign more packages for that repository.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { demoArchs } from "../src/cli/demo-program.ts";
import { openDemoRepository } from "../src/cli/demo-repository.ts";

const folder = fileURLToPath(new URL("../examples/hello", import.meta.url));
const repository = await openDemoRepository();
rmSync(join(folder, "packages"), { recursive: true, force: true });
for (const arch of demoArchs) {
  const names = repository.packages.map(({ package: each }) => `${each.name}-${each.version}.apk`);
  for (const name of [...names, "APKINDEX.tar.gz"]) {
    const response = await fetch(`${repository.url}/${arch}/${name}`);
    const path = join(folder, "packages", arch, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, new Uint8Array(await response.arrayBuffer()));
  }
}
writeFileSync(join(folder, repository.keyName), repository.publicPem);
await repository.close();
