/** Bench solver: how long the plan of the apk-plan case takes, in a fresh process and warm. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { parseIndex } from "../src/apk/index-text.ts";
import { parseAtom } from "../src/apk/atom.ts";
import { ProviderIndex } from "../src/apk/providers.ts";
import { simulate } from "../src/apk/simulate.ts";
import { solve } from "../src/apk/solver.ts";
import { tarEntries } from "../src/archive/index.ts";
import { defaultLimits } from "../src/base/index.ts";

const shared = new URL("../../shared/", import.meta.url);
const archive = readFileSync(new URL("fixtures/apk/alpine-317/APKINDEX.tar.gz", shared));
const names = readFileSync(new URL("conformance/apk-plan/W.txt", shared), "utf8")
  .trim()
  .split(/\s+/);

const text = timed("unpack", () => {
  const options = { subject: "APKINDEX.tar.gz", limits: defaultLimits };
  for (const { header, content } of tarEntries(gunzipSync(archive), options))
    if (header.path === "APKINDEX") return content;
  throw new Error("no APKINDEX in the archive");
});

for (const state of ["cold", "warm", "warm"]) {
  console.log(state);
  const packages = timed("  index", () => parseIndex(text, { subject: "APKINDEX" }));
  const index = timed(
    "  providers",
    () =>
      new ProviderIndex({
        installed: [],
        repositories: [{ packages }],
        architectures: ["aarch64"],
      }),
  );
  timed("  solve", () => solve({ world: names.map(parseAtom), supply: index }));
  timed("  whole simulation", () =>
    simulate({
      words: ["add", ...names],
      world: [],
      installed: [],
      repositories: [{ packages, remote: false }],
      architectures: ["aarch64"],
    }),
  );
}

function timed<T>(label: string, work: () => T): T {
  const start = performance.now();
  const result = work();
  console.log(`${label.padEnd(20)} ${(performance.now() - start).toFixed(1).padStart(7)} ms`);
  return result;
}
