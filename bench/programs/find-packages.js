/**
 * Loads an index, verifies its signature and prints the packages whose name has a word in it:
 * node find-packages.js INDEX REPOSITORY-URL ARCH WORD
 */
import { readFileSync } from "node:fs";
import { builtInKeys, readIndexArchive, repositoryAt } from "../../dist/apk/index.js";
import { compareNames, defaultLimits } from "../../dist/base/index.js";

const [path, url, arch, word] = process.argv.slice(2);
const { packages } = readIndexArchive(readFileSync(path), {
  subject: path,
  limits: defaultLimits,
  trust: { keyring: { keys: builtInKeys(arch) }, repository: repositoryAt(url) },
});
const found = packages
  .filter(({ name }) => name.includes(word))
  .map(({ name, version }) => `${name}-${version}`)
  .sort(compareNames);
process.stdout.write(`${found.join("\n")}\n`);
