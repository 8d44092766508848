/** Commands over the layers of an image, by each runtime that is installed. */
import { test } from "node:test";
import { findTool, needs } from "../../test/requirements.ts";
import { openWorkspace } from "../../test/run-bivy.ts";
import { runtimeNames } from "./execute-request.ts";
import { makePlace } from "./sample-execution.test.ts";
import { unpackRoot } from "./sample-root.test.ts";
import { runCase, sampleCases } from "./sample-cases.test.ts";

const usable = needs({
  root: true,
  fixtures: true,
  tools: ["unshare", "nsenter", "setpriv", "tar"],
});

for (const runtime of runtimeNames) {
  const skip = usable.skip || (findTool(runtime) === undefined ? `needs ${runtime}` : false);
  test(`${runtime} carries out commands`, { skip, concurrency: 3 }, async (context) => {
    const { folder } = openWorkspace(context);
    const lower = unpackRoot(folder);
    const samples = sampleCases.filter(({ not }) => not?.includes(runtime) !== true);
    await Promise.all(
      samples.map((sample) =>
        context.test(sample.name, () => runCase(makePlace(folder, lower), runtime, sample)),
      ),
    );
  });
}
