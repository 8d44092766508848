import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  databaseText,
  layeredImage,
  type LayerFiles,
  type SampleStep,
} from "../../test/layered-root.ts";
import { formatAtom } from "../apk/index.ts";
import { isBivyError } from "../base/index.ts";
import { dependencyGraph, readInventory, type Inventory } from "../inventory/index.ts";
import type { ContainerConfig } from "../oci/index.ts";
import { explanationDocument } from "./document.ts";
import { explain } from "./explain.ts";
import type { Explanation } from "./explanation.ts";

const database = "lib/apk/db/installed";

interface Subject {
  readonly inventory: Inventory;
  why(asked: string, paths?: number): Explanation;
}

async function subjectOf(
  steps: readonly SampleStep[],
  config: ContainerConfig = {},
): Promise<Subject> {
  const inventory = await readInventory(
    { kind: "image", image: await layeredImage(steps, config) },
    { subject: "sample" },
  );
  const packages = inventory.packages.map(({ installed }) => installed);
  const graph = dependencyGraph(packages, inventory.world);
  return {
    inventory,
    why: (asked, paths) => explain(inventory, graph, asked, paths === undefined ? {} : { paths }),
  };
}

const executable = { mode: 0o755, text: "x" };

const base = {
  busybox: { provides: "cmd:sh=1 /bin/sh", files: "bin/busybox bin/sh" },
  zlib: { provides: "so:libz.so.1=1.3", files: "lib/libz.so.1 lib/libz.so.1.3" },
};

const baseFiles: LayerFiles = {
  "bin/": "",
  "bin/busybox": executable,
  "bin/sh": "-> /bin/busybox",
  "bin/ls": "-> /bin/busybox",
  "lib/libz.so.1": "-> libz.so.1.3",
  "lib/libz.so.1.3": "z",
  "etc/issue": "welcome",
  "etc/apk/world": "busybox\n",
};

const steps: readonly SampleStep[] = [
  { createdBy: "ADD base", files: { ...baseFiles, [database]: databaseText(base) } },
  { createdBy: "ENV A=b" },
  {
    createdBy: "RUN apk add curl",
    files: {
      "usr/bin/curl": executable,
      "usr/bin/wget": "-> curl",
      "etc/issue": "changed",
      "etc/apk/world": "busybox\ncurl\nmissing>2\n!zlib\n",
      [database]: databaseText({
        ...base,
        curl: {
          depends: "so:libz.so.1 /bin/sh",
          provides: "cmd:curl=8 cmd:gone=8",
          files: "usr/bin/curl usr/bin/gone usr/share/x",
        },
        tool: { version: "1-r0" },
      }),
    },
  },
  {
    createdBy: "RUN rm",
    files: {
      "etc/.wh.issue": "",
      "usr/share/own": "copied",
      [database]: databaseText({
        ...base,
        curl: {
          depends: "so:libz.so.1 /bin/sh",
          provides: "cmd:curl=8 cmd:gone=8",
          files: "usr/bin/curl usr/bin/gone usr/share/x",
        },
        tool: { version: "2-r0" },
      }),
    },
  },
];

const namesOf = ({ packages }: Explanation) => packages.map(({ installed }) => installed.name);
const placesOf = ({ places }: Explanation) =>
  places.map(({ path, end, node, layer, owner }) => [
    path,
    end,
    node?.kind,
    layer,
    owner?.package.name,
  ]);

test("a package is explained by its paths from world, its layer and what needs it", async () => {
  const { why } = await subjectOf(steps);
  const { meaning, packages, brokenWorld } = why("zlib");
  assert.equal(meaning, "package");
  const [zlib] = packages;
  assert.equal(zlib?.layer, 0);
  assert.deepEqual(
    zlib?.paths.map((path) =>
      path.map(({ node, kind, atoms }) => [node.package.name, kind, atoms.map(formatAtom)]),
    ),
    [
      [
        ["curl", "world", ["curl"]],
        ["zlib", "depends", ["so:libz.so.1"]],
      ],
    ],
  );
  assert.deepEqual(
    zlib?.dependents.map(({ node }) => node.package.name),
    ["curl"],
  );
  assert.deepEqual(
    brokenWorld.map(({ atom }) => formatAtom(atom)),
    ["missing>2", "!zlib"],
  );
});

test("a package may be named with its version", async () => {
  const { why } = await subjectOf(steps);
  assert.deepEqual(namesOf(why("curl-1-r0")), ["curl"]);
  assert.equal(why("curl-1-r0").packages[0]?.layer, 1);
});

test("the package comes first, and what else the word means is named", async () => {
  const { why } = await subjectOf(steps);
  const { meaning, others } = why("curl");
  assert.equal(meaning, "package");
  assert.deepEqual(others, [{ meaning: "command", name: "/usr/bin/curl" }]);
  assert.deepEqual(why("busybox").others, [{ meaning: "command", name: "/bin/busybox" }]);
});

test("a command is found by PATH, through its links, or by who provides it", async () => {
  const { why } = await subjectOf(steps);
  assert.equal(why("sh").meaning, "command");
  assert.deepEqual(placesOf(why("sh")), [["bin/sh", "bin/busybox", "file", 0, "busybox"]]);
  assert.deepEqual(namesOf(why("sh")), ["busybox"]);
  assert.equal(formatAtom(why("cmd:sh").packages[0]!.provides!), "cmd:sh=1");
  assert.equal(why("cmd:curl").meaning, "command");
  assert.deepEqual(namesOf(why("wget")), ["curl"]);
  assert.deepEqual(placesOf(why("gone")), []);
  assert.deepEqual(namesOf(why("gone")), ["curl"]);
});

test("PATH is the image's, and what is not executable is no command", async () => {
  const files = { "opt/x/run": executable, "usr/bin/run": executable, "opt/y/run": "text" };
  const paths = { Env: ["PATH=/no", "A=b", "PATH=relative:/opt/y:/opt/x:/usr/bin"] };
  const { why } = await subjectOf([{ createdBy: "COPY", files }], paths);
  assert.deepEqual(placesOf(why("run")), [["opt/x/run", "opt/x/run", "file", 0, undefined]]);
});

test("a library is found by its soname, with the file", async () => {
  const { why } = await subjectOf(steps);
  for (const asked of ["libz.so.1", "so:libz.so.1"]) {
    const found = why(asked);
    assert.equal(found.meaning, "soname");
    assert.deepEqual(namesOf(found), ["zlib"]);
    assert.deepEqual(placesOf(found), [["lib/libz.so.1", "lib/libz.so.1.3", "file", 0, "zlib"]]);
  }
  assert.deepEqual(placesOf(why("libz.so.1.3"))[0]?.at(-1), "zlib");
});

test("a file is explained by its owner, its links and its layers", async () => {
  const { why } = await subjectOf(steps);
  const list = why("/bin/ls");
  assert.deepEqual(namesOf(list), ["busybox"]);
  assert.deepEqual(
    list.places[0]?.links.map(({ path, target, owner, layer }) => [path, target, owner, layer]),
    [["bin/ls", "/bin/busybox", undefined, 0]],
  );
  assert.deepEqual(placesOf(why("usr/share/own")), [
    ["usr/share/own", "usr/share/own", "file", 2, undefined],
  ]);
  assert.deepEqual(namesOf(why("usr/share/own")), []);
  assert.deepEqual(placesOf(why("/usr//bin/./curl")), [
    ["usr/bin/curl", "usr/bin/curl", "file", 1, "curl"],
  ]);
  assert.equal(why("/").places[0]?.node?.kind, "directory");
});

test("a file that a layer removed is explained by who had it", async () => {
  const { why } = await subjectOf(steps);
  const [place] = why("/etc/issue").places;
  assert.equal(place?.node, undefined);
  assert.equal(place?.removedIn, 2);
  assert.deepEqual(
    place?.former.map(({ node, layer, until }) => [node.kind, layer, until]),
    [
      ["file", 0, 1],
      ["file", 1, 2],
    ],
  );
});

test("a file that its package should have is missing, not unknown", async () => {
  const { why } = await subjectOf(steps);
  const found = why("/usr/bin/gone");
  assert.deepEqual(placesOf(found), [
    ["usr/bin/gone", "usr/bin/gone", undefined, undefined, "curl"],
  ]);
  assert.deepEqual(namesOf(found), ["curl"]);
});

test("a package that was removed or upgraded is known", async () => {
  const { why } = await subjectOf(steps);
  const tool = why("tool");
  assert.equal(tool.packages[0]?.layer, 2);
  assert.deepEqual(
    tool.removedPackages.map(({ installed, layer, removedIn }) => [
      installed.version,
      layer,
      removedIn,
    ]),
    [["1-r0", 1, 2]],
  );
  const gone = await subjectOf([
    { createdBy: "a", files: { [database]: databaseText({ x: { files: "etc/x" }, y: {} }) } },
    { createdBy: "b", files: { [database]: databaseText({ y: {} }), "srv/x": "" } },
  ]);
  const found = gone.why("x");
  assert.deepEqual([found.packages, found.places], [[], []]);
  assert.equal(found.removedPackages[0]?.removedIn, 1);
});

test("what world asks for in vain is explained by that", async () => {
  const { why } = await subjectOf(steps);
  assert.deepEqual(why("missing").packages, []);
  assert.equal(why("missing").brokenWorld.length, 2);
});

test("a name that packages provide leads to them, also one with a slash", async () => {
  const { why } = await subjectOf([
    {
      createdBy: "x",
      files: {
        [database]: databaseText({
          one: { provides: "virtual" },
          two: { provides: "virtual=1 pc:two=2 /usr/bin/env" },
        }),
      },
    },
  ]);
  assert.deepEqual(namesOf(why("virtual")), ["one", "two"]);
  assert.deepEqual(namesOf(why("pc:two")), ["two"]);
  assert.deepEqual(
    [why("/usr/bin/env").meaning, namesOf(why("/usr/bin/env"))],
    ["provide", ["two"]],
  );
});

test("a word that is nothing else is looked for as the last part of a path", async () => {
  const { why } = await subjectOf(steps);
  assert.deepEqual(placesOf(why("own")), [
    ["usr/share/own", "usr/share/own", "file", 2, undefined],
  ]);
});

test("a word may be the last part of a path that a layer removed", async () => {
  const { why } = await subjectOf(steps);
  assert.deepEqual(
    why("issue").places.map(({ path, removedIn }) => [path, removedIn]),
    [["etc/issue", 2]],
  );
});

test("a link and what it leads to may belong to two packages", async () => {
  const { why } = await subjectOf([
    {
      createdBy: "x",
      files: {
        "usr/bin/busybox": executable,
        bin: "-> usr/bin",
        "usr/bin/sh": "-> /bin/busybox",
        [database]: databaseText({
          binsh: { files: "bin/sh", provides: "cmd:sh=1" },
          busybox: { files: "bin/busybox" },
          layout: { files: "bin" },
        }),
      },
    },
  ]);
  assert.deepEqual(namesOf(why("/bin/sh")), ["binsh", "busybox"]);
  assert.deepEqual(namesOf(why("sh")), ["binsh", "busybox"]);
});

test("folders that are links are followed, and links that lead nowhere are told", async () => {
  const { why } = await subjectOf([
    {
      createdBy: "x",
      files: {
        "usr/bin/tool": executable,
        bin: "-> usr/bin",
        dangling: "-> /no/where",
        round: "-> round",
        [database]: databaseText({ tool: { files: "bin/tool" } }),
      },
    },
  ]);
  assert.deepEqual(placesOf(why("/bin/tool")), [["bin/tool", "usr/bin/tool", "file", 0, "tool"]]);
  assert.deepEqual(placesOf(why("/usr/bin/tool"))[0]?.at(-1), "tool");
  assert.deepEqual(placesOf(why("/dangling")), [
    ["dangling", "no/where", undefined, undefined, undefined],
  ]);
  assert.equal(why("/round").places[0]?.end, undefined);
  assert.throws(() => why("/bin/absent"), { code: "not-in-image" });
  assert.deepEqual(placesOf(why("/bin/../bin/tool"))[0]?.at(1), "usr/bin/tool");
});

test("what is not there is an error that names what is near", async () => {
  const { why } = await subjectOf(steps);
  const hints = {
    curk: /^Did you mean curl\?$/,
    zlb: /^Did you mean zlib\?$/,
    "libz.so.2": /^Did you mean libz\.so\.1\?$/,
    "/usr/bin/culr": /^Did you mean \/usr\/bin\/curl\?$/,
    "/usr/bim/curl": /^Did you mean \/usr\/bin\/curl\?$/,
    "/opt/own": /^Did you mean \/usr\/share\/own\?$/,
    "/nothing/like/it": /^No layer ever had one either\.$/,
    "": /^Name a package/,
    "so:curl": /^Name a package/,
  };
  for (const [asked, hint] of Object.entries(hints))
    assert.throws(
      () => why(asked),
      (error) => isBivyError(error, "not-in-image") && hint.test(error.hint!),
      asked,
    );
  const bare = await subjectOf([{ createdBy: "x", files: { app: "x" } }]);
  assert.throws(() => bare.why("curl"), { code: "not-in-image", hint: /no apk database/ });
});

test("the number of listed paths is bounded, and all are counted", async () => {
  const samples = Object.fromEntries(
    Array.from({ length: 20 }, (_, at) => [`p${at}`, { depends: "end" }]),
  );
  const world = Object.keys(samples).join("\n");
  const { why } = await subjectOf([
    {
      createdBy: "x",
      files: { "etc/apk/world": world, [database]: databaseText({ ...samples, end: {} }) },
    },
  ]);
  const [end] = why("end").packages;
  assert.equal(end?.paths.length, 10);
  assert.equal(end?.count, 20);
  assert.equal(why("end", 20).packages[0]?.paths.length, 20);
});

test("the document of an explanation is plain data", async () => {
  const { inventory, why } = await subjectOf(steps);
  const document = JSON.parse(JSON.stringify(explanationDocument(why("zlib"), inventory)));
  assert.equal(document.image, "sample");
  assert.equal(document.digest, inventory.image?.digest);
  assert.deepEqual(
    document.layers.map(({ createdBy }: { createdBy: string }) => createdBy),
    ["ADD base", "RUN apk add curl", "RUN rm"],
  );
  assert.deepEqual(document.packages, [
    {
      name: "zlib",
      version: "1-r0",
      origin: "zlib",
      identity: inventory.packages.find(({ installed }) => installed.name === "zlib")?.installed
        .identity,
      layer: 0,
      paths: [
        [
          { name: "curl", version: "1-r0", kind: "world", dependencies: ["curl"], layer: 1 },
          {
            name: "zlib",
            version: "1-r0",
            kind: "depends",
            dependencies: ["so:libz.so.1"],
            layer: 0,
          },
        ],
      ],
      pathCount: 1,
      requiredBy: [{ name: "curl", version: "1-r0", kind: "depends", dependency: "so:libz.so.1" }],
    },
  ]);
  assert.deepEqual(document.brokenWorld, ["missing>2", "!zlib"]);
  const removed = JSON.parse(JSON.stringify(explanationDocument(why("/etc/issue"), inventory)));
  assert.deepEqual(
    [removed.places[0].path, removed.places[0].end, removed.places[0].removedIn],
    ["/etc/issue", "/etc/issue", 2],
  );
});

test("property: any word is explained or refused with a code", async () => {
  const { inventory, why } = await subjectOf(steps);
  const part = fc.constantFrom(
    "bin",
    "ls",
    "..",
    ".",
    "",
    "curl",
    "so:",
    "cmd:",
    "etc",
    "issue",
    "\0",
  );
  const word = fc.oneof(
    fc.string(),
    fc.array(part, { maxLength: 6 }).map((parts) => parts.join("/")),
    fc.array(part, { maxLength: 3 }).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(word, (asked) => {
      try {
        explanationDocument(why(asked), inventory);
      } catch (error) {
        if (!isBivyError(error, "not-in-image")) throw error;
      }
    }),
  );
});
