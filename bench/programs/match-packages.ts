/**
 * Matches 200 packages against 25,000 advisories, and prints what the first run of a process takes and
 * the median, in milliseconds: with advisories about 800 origins, as secdb has them, and with all of
 * them about the 200 that are installed.
 */
import { branchAdvisories, parseSecdb } from "../../src/advisory/index.ts";
import { encodeText } from "../../src/base/index.ts";
import { matchPackages, type ScanPackage } from "../../src/scan/index.ts";

const packages = 200;
const advisories = 25_000;
const idsPerVersion = 5;

const installed: readonly ScanPackage[] = Array.from({ length: packages }, (_, at) => ({
  name: `package-${at}`,
  origin: `origin-${at}`,
  version: `${1 + (at % 7)}.${at % 50}.${at % 10}-r1`,
}));

for (const origins of [800, packages]) {
  const bytes = secdb(origins);
  const times: number[] = [];
  let found = 0;
  // Each run begins with files that were only parsed: what is put together by origin counts too.
  for (let run = 0; run < 15; run++) {
    const branch = branchAdvisories("v3.20", [parseSecdb(bytes, "bench")]);
    const begin = performance.now();
    found = matchPackages(installed, () => branch).vulnerable.length;
    times.push(performance.now() - begin);
  }
  const first = times[0]!;
  times.sort((a, b) => a - b);
  process.stdout.write(
    `  ${advisories} advisories about ${origins} origins, ${packages} packages, ${found} matches: first run ${first.toFixed(1)} ms, median ${times[7]!.toFixed(1)} ms\n`,
  );
}

function secdb(origins: number): Uint8Array {
  const versions = advisories / origins / idsPerVersion;
  const list = Array.from({ length: origins }, (_, at) => {
    const secfixes = Object.fromEntries(
      Array.from({ length: Math.ceil(versions) }, (_v, minor) => [
        `${1 + (at % 7)}.${minor * 2}.${at % 10}-r${minor % 4}`,
        Array.from(
          { length: idsPerVersion },
          (_i, id) => `CVE-2024-${10_000 + at * 125 + minor * 5 + id}`,
        ),
      ]),
    );
    return { pkg: { name: `origin-${at}`, secfixes } };
  });
  const document = { distroversion: "v3.20", reponame: "main", archs: [], packages: list };
  return encodeText(JSON.stringify(document));
}
