/**
 * The configs that BuildKit gave the cases of buildah's conformance suite, and those that the plan
 * gives them. `alpine` and `busybox` stand for one base whose config the cases' description tells.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parseDockerfile } from "../../dockerfile/index.ts";
import { type ContainerConfig } from "../../oci/index.ts";
import { planDockerfile } from "./plan.ts";

const folder = fileURLToPath(
  new URL("../../../../shared/conformance/buildah-conformance", import.meta.url),
);
const skip =
  existsSync(folder) || process.env["CI"] !== undefined
    ? false
    : "../shared/conformance is not there";

interface Case {
  readonly name: string;
  readonly contextDir?: string;
  readonly dockerfile?: string;
  readonly dockerfileContents?: string;
  readonly buildArgs?: Readonly<Record<string, string>>;
}

interface Expectation {
  readonly builds: boolean;
  readonly config?: ContainerConfig;
}

const platform = { os: "linux", architecture: "amd64" };
const base = {
  config: {
    Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    Cmd: ["/bin/sh"],
  },
};

function textOf(contexts: string, each: Case): string {
  if (each.dockerfileContents !== undefined) return each.dockerfileContents;
  return readFileSync(
    join(contexts, each.contextDir ?? "", each.dockerfile ?? "Dockerfile"),
    "utf8",
  );
}

test("configs of buildah's conformance cases", { skip }, (context) => {
  const contexts = mkdtempSync(join(tmpdir(), "bivy-test-"));
  context.after(() => {
    execFileSync("chmod", ["-R", "u+rwX", contexts]);
    rmSync(contexts, { recursive: true });
  });
  execFileSync("tar", ["-xzf", join(folder, "contexts.tar.gz"), "-C", contexts]);
  const cases = JSON.parse(readFileSync(join(folder, "cases.json"), "utf8")) as readonly Case[];
  let planned = 0;
  let compared = 0;
  for (const each of cases) {
    const dockerfile = parseDockerfile(textOf(contexts, each), { subject: each.name });
    const plan = () =>
      planDockerfile(dockerfile, {
        platform,
        buildPlatform: platform,
        buildArguments: each.buildArgs ?? {},
        base: () => base,
      });
    const file = `${each.name.toLowerCase().replace(/[^a-z0-9]/g, "-")}.json`;
    const path = join(folder, "expected", file);
    const expected = existsSync(path)
      ? (JSON.parse(readFileSync(path, "utf8")) as Expectation)
      : undefined;
    if (expected?.builds === false) {
      // The other failures are of files, which a plan does not look at.
      if (each.name === "environment") assert.throws(plan, /missing ' to close the quote/);
      continue;
    }
    const { target } = plan();
    planned++;
    if (expected === undefined) continue;
    assert.deepEqual(target.config, expected.config, each.name);
    compared++;
  }
  context.diagnostic(`${planned} cases planned, ${compared} configs compared`);
  assert.ok(compared >= 50, `only ${compared} configs compared`);
});
