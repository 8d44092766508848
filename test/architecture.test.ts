/** The architecture, held: ranks, faces, who prints, and the form of files. See docs/architecture.md. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { findImports } from "./architecture/imports.ts";
import * as rules from "./architecture/rules.ts";
import { readTokens } from "./architecture/tokens.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * A folder of `src/` may import the folders of lower rank. To change this table is to change the
 * architecture: do it in a commit of its own that says why.
 */
const ranks: rules.Ranks = {
  base: 0,
  archive: 1,
  elf: 1,
  http: 1,
  tree: 2,
  apk: 3,
  oci: 3,
  dockerfile: 3,
  sandbox: 3,
  advisory: 4,
  inventory: 4,
  sign: 4,
  sbom: 5,
  build: 6,
  scan: 6,
  lint: 6,
  verify: 6,
  size: 6,
  why: 6,
  compat: 6,
  slim: 6,
  migrate: 6,
  fleet: 7,
  cli: 8,
  // The library's public face, beside the command line.
  "index.ts": 8,
};

/** Written in pieces, so that this file does not hold what it forbids. */
const forbiddenTexts: readonly rules.ForbiddenText[] = [
  {
    pattern: new RegExp(String.raw`(?<![\w.~$}\]*-])/${"work"}/`),
    reason: "a path of one machine; write it relative to the project",
  },
  {
    pattern: new RegExp(String.raw`(?<![\w.~$}\]*-])/${"root"}/`),
    reason: "a path of one machine; write it relative to the project",
  },
  {
    pattern: new RegExp(`registry[.](${["npmjs", "yarnpkg", "npmmirror"].join("|")})[.]`),
    reason: "the host of a package registry; the reader's own configuration names it",
  },
  {
    pattern: /"resolved"\s*:\s*"(?!file:)/,
    reason: "the lock file names no host; keep .npmrc and make it again",
  },
];

const checks: Readonly<Record<string, (files: readonly rules.ProjectFile[]) => string[]>> = {
  "every folder of src/ has a rank": (files) => rules.foldersAreRanked(files, ranks),
  "imports go to lower ranks only": (files) => rules.importsFollowRanks(files, ranks),
  "another folder is imported through its index.ts": rules.importsUseFaces,
  "src/ imports nothing outside src/": rules.sourcesStayInside,
  "imports are literal": rules.importsAreLiteral,
  "web/ imports only types, and only from the fleet": rules.webImportsTypesOnly,
  "only src/cli/term prints": rules.onlyTheTerminalPrints,
  "a file opens with a sentence that says what it is": rules.filesSayWhatTheyAre,
  "a file stays short": rules.filesStayShort,
  "a name means something": rules.namesMeanSomething,
  "no machine's paths or hosts are written down": (files) =>
    rules.nothingPrivateIsWritten(files, forbiddenTexts),
};

/** For each check: small files that break it, one violation each, and files that must pass. */
const examples: Readonly<Record<string, { bad: [string, string][]; good: [string, string][] }>> = {
  "every folder of src/ has a rank": {
    bad: [
      ["src/cloud/index.ts", ""],
      ["src/loose.ts", ""],
    ],
    good: [
      ["src/apk/adb/schema.ts", ""],
      ["src/index.ts", ""],
      ["test/cloud/x.ts", ""],
    ],
  },
  "imports go to lower ranks only": {
    bad: [
      ["src/tree/a.ts", 'import { x } from "../apk/index.ts";'],
      ["src/apk/a.ts", 'import type { Image } from "../oci/index.ts";'],
      ["src/http/a.ts", 'export * from "../tree/index.ts";'],
      ["src/archive/a.ts", 'export type { X } from "../elf/index.ts";'],
      ["src/base/a.ts", 'const late = await import("../archive/index.ts");'],
      ["src/base/a.ts", 'import "../archive/index.ts";'],
      ["src/base/a.ts", "import {\n  a,\n  type B,\n} from '../archive/index.ts'"],
      ["src/base/a.ts", "type X = import(`../archive/index.ts`).X;"],
      ["src/base/a.ts", "`${import('../archive/index.ts')}`"],
      ["src/base/a.ts", 'const half = 1 / 2; import("../http/index.ts"); 3 / 4;'],
      ["src/base/a.ts", 'const quote = /["\'/*`]/; import x from "../http/index.ts";'],
      ["src/base/a.test.ts", 'import { x } from "../cli/index.ts";'],
      ["src/apk/a.ts", 'import { x } from "../cloud/index.ts";'],
    ],
    good: [
      ["src/apk/a.ts", 'import { x } from "../tree/index.ts"; import { y } from "./b.ts";'],
      ["src/apk/adb/a.ts", 'import { x } from "../atom.ts"; import z from "zod";'],
      ["src/base/a.ts", '// import { x } from "../cli/index.ts";'],
      ["src/base/a.ts", '/* import("../cli/index.ts") */'],
      ["src/base/a.ts", "const text = 'import(\"../cli/index.ts\")';"],
      ["src/base/a.ts", 'const text = `${"}"} import x from "../cli/index.ts"`;'],
      ["src/base/a.ts", 'const here = import.meta.url; export { a }; const from = "../cli/b.ts";'],
      ["src/base/a.ts", 'loader.import("../cli/index.ts");'],
    ],
  },
  "another folder is imported through its index.ts": {
    bad: [
      ["src/apk/a.ts", 'import { x } from "../base/bytes.ts";'],
      ["src/apk/adb/a.ts", 'export { x } from "../../base/bytes.ts";'],
      ["src/apk/a.test.ts", 'await import("../tree/node.ts");'],
    ],
    good: [
      ["src/apk/a.ts", 'import { x } from "../base/index.ts"; import { y } from "./adb/b.ts";'],
      ["src/apk/adb/a.ts", 'import { x } from "../atom.ts";'],
    ],
  },
  "src/ imports nothing outside src/": {
    bad: [
      ["src/apk/a.ts", 'import { x } from "../../test/registry.ts";'],
      ["src/apk/a.test.ts", 'import { x } from "../../bench/run.ts";'],
      ["src/apk/a.test.ts", 'import { x } from "../../examples/x.ts";'],
      ["src/cli/a.ts", 'import manifest from "../../package.json" with { type: "json" };'],
    ],
    good: [
      ["src/apk/a.test.ts", 'import { x } from "../../test/registry.ts";'],
      ["src/apk/a.ts", 'import { x } from "node:fs"; import { y } from "./b.ts";'],
      ["test/a.ts", 'import { x } from "../bench/x.ts";'],
    ],
  },
  "imports are literal": {
    bad: [
      ["src/cli/a.ts", "await import(name);"],
      ["src/cli/a.ts", "await import(`./${name}.ts`);"],
    ],
    good: [["src/cli/a.ts", 'await import("./build.ts"); await import("zod", {});']],
  },
  "web/ imports only types, and only from the fleet": {
    bad: [
      ["web/a.tsx", 'import { plan } from "../src/fleet/index.ts";'],
      ["web/a.tsx", 'import { type Plan } from "../src/fleet/index.ts";'],
      ["web/a.tsx", 'import type { Plan } from "../src/fleet/plan.ts";'],
      ["web/pages/a.tsx", 'import type { Image } from "../../src/oci/index.ts";'],
    ],
    good: [
      [
        "web/a.tsx",
        'import type { Plan } from "../src/fleet/index.ts"; import { h } from "preact";',
      ],
      ["web/pages/a.tsx", 'import { chart } from "../chart.ts";'],
    ],
  },
  "only src/cli/term prints": {
    bad: [
      ["src/apk/a.ts", 'console.log("x");'],
      ["src/apk/a.ts", 'process.stdout.write("x");'],
      ["src/cli/build.ts", 'process.stderr.write("x");'],
      ["src/cli/build.ts", 'import { env, stdout } from "node:process";'],
      ["src/oci/a.ts", 'import * as host from "node:process";'],
      ["src/oci/a.ts", 'import { Console } from "node:console";'],
    ],
    good: [
      ["src/oci/a.ts", 'import { getuid } from "node:process"; const stdout = "x";'],
      ["src/cli/term/table.ts", "process.stdout.write(console.x);"],
      ["src/apk/a.ts", "child.stdout.on(x); this.console.log(1); process.env; // console.log()"],
    ],
  },
  "a file opens with a sentence that says what it is": {
    bad: [
      ["src/apk/a.ts", 'import x from "x";\n/** Late. */'],
      ["src/apk/a.ts", "// Not a doc comment.\n"],
      ["src/apk/a.ts", "/** */\nexport const x = 1;"],
      ["bench/a.ts", "/* Plain. */"],
    ],
    good: [
      ["src/apk/a.ts", "/** Atoms: one dependency each. */\n"],
      ["src/cli/main.ts", "#!/usr/bin/env node\n/**\n * The command line.\n */\n"],
      ["src/apk/a.test.ts", ""],
    ],
  },
  "a file stays short": {
    bad: [
      ["src/apk/a.ts", "x\n".repeat(401)],
      ["src/apk/a.test.ts", "x\n".repeat(601)],
    ],
    good: [
      ["src/apk/a.ts", "x\n".repeat(400)],
      ["src/apk/a.test.ts", "x\n".repeat(600)],
      ["docs/a.md", "x\n".repeat(2000)],
    ],
  },
  "a name means something": {
    bad: [
      ["src/apk/utils.ts", ""],
      ["src/apk/helpers/tar.ts", ""],
      ["src/apk/types.ts", ""],
      ["src/apk/tar-utils.ts", ""],
      ["test/common.test.ts", ""],
      ["bench/misc.ts", ""],
    ],
    good: [
      ["src/oci/media-types.ts", ""],
      ["src/oci/common-name.ts", ""],
    ],
  },
  "no machine's paths or hosts are written down": {
    bad: [
      ["docs/a.md", `see ${["", "work", "main"].join("/")}`],
      ["src/apk/a.ts", `"${["", "root", "x"].join("/")}"`],
      [".npmrc", ["registry", "npmjs", "org"].join(".")],
      ["package-lock.json", JSON.stringify({ resolved: "https://host/x.tgz" })],
    ],
    good: [["docs/a.md", "the rootfs/root/ folder, net/work/x, ../shared"]],
  },
};

const project = readProject();

test("the project is read", () => {
  assert.ok(project.some((file) => file.path === "src/base/index.ts"));
});

for (const [name, check] of Object.entries(checks)) {
  test(name, () => {
    const messages = check(project);
    assert.equal(messages.length, 0, `\n${messages.join("\n")}`);
  });

  test(`the check notices: ${name}`, () => {
    const { bad, good } = examples[name]!;
    for (const [path, text] of bad)
      assert.equal(check([{ path, text }]).length, 1, `${path}: ${text.slice(0, 80)}`);
    for (const [path, text] of good)
      assert.deepEqual(check([{ path, text }]), [], `${path}: ${text.slice(0, 80)}`);
  });
}

test("imports are found with their lines and kinds", () => {
  const source = 'import a from "a";\n\nexport type * from "b";\nimport type from "c";\n';
  assert.deepEqual(findImports(readTokens(source)), [
    { specifier: "a", typeOnly: false, line: 1 },
    { specifier: "b", typeOnly: true, line: 3 },
    { specifier: "c", typeOnly: false, line: 4 },
  ]);
});

/** Every text file that git tracks or would track. */
function readProject(): rules.ProjectFile[] {
  const listed = execFileSync("git", ["ls-files", "-z", "-co", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 << 20,
  });
  const files: rules.ProjectFile[] = [];
  for (const path of new Set(listed.split("\0"))) {
    if (path === "" || path === "LICENSE") continue;
    const bytes = readTrackedFile(path);
    if (bytes !== undefined && !bytes.includes(0)) files.push({ path, text: bytes.toString() });
  }
  return files;
}

/** A tracked file may have been deleted in the working copy, or be a link to a folder. */
function readTrackedFile(path: string): Buffer | undefined {
  try {
    return readFileSync(join(root, path));
  } catch {
    return undefined;
  }
}
