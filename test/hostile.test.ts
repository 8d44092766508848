/** Hostile input: whatever is wrong with a repository, bivy says what and what to do, and leaves nothing behind. */
import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { gzipBytes, splitGzipMembers } from "../src/archive/index.ts";
import { servePackages, type Misbehaviour, type PackageServer } from "./package-server.ts";
import {
  assertFailure,
  assertNothingLeft,
  listFolder,
  openWorkspace,
  runBivy,
  succeed,
  type ExpectedFailure,
  type RunOptions,
  type Workspace,
} from "./run-bivy.ts";
import {
  makeRepository,
  sampleConfig,
  sampleKey,
  smallWorld,
  writeRepository,
  type RepositoryFiles,
  type SampleFile,
  type SamplePackage,
} from "./signed-repository.ts";

const index = "x86_64/APKINDEX.tar.gz";
const app = "x86_64/app-1.0-r0.apk";
const alpine = "https://dl-cdn.alpinelinux.org/alpine/v3.19/main";

interface Attempt {
  readonly workspace: Workspace;
  readonly server: PackageServer;
  readonly config: string;
}

interface Sabotage {
  readonly packages?: readonly SamplePackage[];
  readonly wanted?: readonly string[];
  /** Changes the files that are served. */
  readonly spoil?: (files: RepositoryFiles) => void;
  /** The repository is a folder: no size of a download is compared first. */
  readonly isLocal?: boolean;
  /** Changes how they are served. */
  readonly serve?: (server: PackageServer) => void;
  readonly config?: (attempt: Attempt) => string;
  readonly words?: (server: PackageServer) => readonly string[];
  readonly expected: ExpectedFailure;
  readonly options?: RunOptions;
}

async function openAttempt(context: TestContext, sabotage: Sabotage): Promise<Attempt> {
  const workspace = openWorkspace(context);
  const files = makeRepository(sabotage.packages ?? smallWorld);
  sabotage.spoil?.(files);
  const server = await servePackages(context, files);
  sabotage.serve?.(server);
  const place =
    sabotage.isLocal === true ? writeRepository(workspace.path("repository"), files) : server.url;
  const config = workspace.write(
    "image.yaml",
    sampleConfig({ repositories: [place], packages: sabotage.wanted ?? ["app"] }),
  );
  const attempt = { workspace, server, config };
  if (sabotage.config !== undefined) writeFileSync(config, sabotage.config(attempt));
  return attempt;
}

/** Builds into all places at once, expects the failure, and that nothing of the image is anywhere. */
async function assertCaught(
  { workspace, server, config }: Attempt,
  sabotage: Sabotage,
): Promise<string> {
  const store = join(workspace.home, ".local/share/bivy");
  const before = { files: listFolder(workspace.folder), store: listFolder(store) };
  const words = [
    "build",
    config,
    "--tag",
    "sample",
    "-o",
    `oci:${workspace.path("layout")}`,
    "-o",
    `oci-archive:${workspace.path("image.tar")}`,
    ...(sabotage.words?.(server) ?? []),
  ];
  const outcome = await runBivy(workspace, words, sabotage.options);
  assertFailure(outcome, sabotage.expected);
  assert.doesNotMatch(outcome.stderr, /fault in bivy|^ +at /m);
  assertNothingLeft(workspace);
  assert.deepEqual(listFolder(store), before.store, "the store is as it was");
  const outside = listFolder(workspace.folder).filter((path) => !path.startsWith("home/"));
  assert.deepEqual(
    outside,
    before.files.filter((path) => !path.startsWith("home/")),
  );
  const cached = listFolder(join(workspace.home, ".cache"));
  assert.deepEqual(
    cached.filter((path) => /part|tmp.|unfinished/.test(path)),
    [],
  );
  return outcome.stderr;
}

function flip(files: RepositoryFiles, path: string, member: number, from = 0.5): void {
  const bytes = files.get(path)!;
  const { start, end } = memberRanges(bytes)[member]!;
  bytes[start + Math.floor((end - start) * from)]! ^= 0x10;
}

function memberRanges(bytes: Buffer): { start: number; end: number }[] {
  let end = 0;
  return splitGzipMembers(bytes, { subject: "sample" }).map(({ compressed }) => {
    const start = end;
    end += compressed.byteLength;
    return { start, end };
  });
}

/** Changes what one member of a package unpacks to, and packs it again. */
function repack(
  member: number,
  change: (unpacked: Buffer) => void,
): (files: RepositoryFiles) => void {
  return (files) => {
    const members = splitGzipMembers(files.get(app)!, { subject: "sample" });
    const unpacked = Buffer.from(members[member]!.unpacked);
    change(unpacked);
    const packed = members.map(({ compressed }, at) =>
      at === member ? gzipBytes(unpacked) : compressed,
    );
    files.set(app, Buffer.concat(packed));
  };
}

/** The index that another key signed, under the name of the known key. */
function forgeIndex(files: RepositoryFiles, name: string): void {
  const { key } = sampleKey(name);
  const forged = makeRepository(smallWorld, {
    key: { ...key, name: "sample.rsa.pub" },
    publicPem: "",
  });
  files.set(index, forged.get(index)!);
}

const answer =
  (status: number, headers: Record<string, string> = {}): Misbehaviour =>
  (response) =>
    void response.writeHead(status, headers).end("an answer that nobody wants\n");

/** Sends the header and half of the file, and then breaks off. */
const breakOff: Misbehaviour = (response, file) => {
  response.writeHead(200, { "content-length": file.byteLength });
  response.write(file.subarray(0, file.byteLength / 2), () => response.destroy());
};

/** Sends half of the file, and then nothing more. */
const stall: Misbehaviour = (response, file) => {
  response.writeHead(200, { "content-length": file.byteLength });
  response.write(file.subarray(0, file.byteLength / 2));
};

/** 64 MiB of zeros in a file that packs to almost nothing. */
const bomb: SamplePackage = {
  name: "bomb",
  files: { "srv/bomb": { text: new Uint8Array(64 * 1024 * 1024) } },
};

function withFile(path: string, file: SampleFile): SamplePackage[] {
  return [{ name: "app", files: { [path]: file } }];
}

const cases: Readonly<Record<string, Sabotage>> = {
  "a flipped byte in a package's signature": {
    spoil: (files) => flip(files, app, 0),
    expected: { exitCode: 3, code: "gzip-invalid", message: /app-1\.0-r0/, hint: /./ },
  },
  "a flipped byte in a package's control section": {
    spoil: (files) => flip(files, app, 1),
    expected: { exitCode: 3, code: "gzip-invalid", message: /app-1\.0-r0.*CRC/, hint: /./ },
  },
  "a flipped byte in a package's data": {
    spoil: (files) => flip(files, app, 2),
    expected: { exitCode: 3, code: "tar-invalid", message: /app-1\.0-r0/, hint: /./ },
  },
  "a flipped byte in an index's signature": {
    spoil: (files) => flip(files, index, 0),
    expected: { exitCode: 3, code: "gzip-invalid", message: /APKINDEX/, hint: /./ },
  },
  "a flipped byte in an index": {
    spoil: (files) => flip(files, index, 1),
    expected: { exitCode: 3, code: "gzip-invalid", message: /APKINDEX/, hint: /./ },
  },
  "a package whose control section was packed anew": {
    spoil: repack(1, (bytes) => bytes.write("the package APP", bytes.indexOf("the package app"))),
    isLocal: true,
    expected: { exitCode: 3, code: "identity-mismatch", message: /app-1\.0-r0/, hint: /./ },
  },
  "a package whose data was packed anew": {
    spoil: repack(2, (bytes) => bytes.write("APPLICATION", bytes.indexOf("application"))),
    isLocal: true,
    expected: {
      exitCode: 3,
      code: "checksum-mismatch",
      message: /app-1\.0-r0.*usr\/bin\/app/,
      hint: /./,
    },
  },
  "a package whose data has another mode": {
    // The sum of the header's bytes stays the same.
    spoil: repack(2, (bytes) => bytes.write("0000575", bytes.indexOf("0000755"))),
    isLocal: true,
    expected: { exitCode: 3, code: "datahash-mismatch", message: /app-1\.0-r0/, hint: /./ },
  },
  "an index that a stranger signed under the known key's name": {
    spoil: (files) => forgeIndex(files, "stranger.rsa.pub"),
    expected: { exitCode: 3, code: "signature-invalid", message: /APKINDEX/, hint: /./ },
  },
  "an index without a signature": {
    spoil: (files) =>
      void files.set(index, files.get(index)!.subarray(memberRanges(files.get(index)!)[0]!.end)),
    expected: { exitCode: 3, code: "signature-missing", message: /APKINDEX/, hint: /./ },
  },
  "an index signed by an unknown key": {
    spoil: (files) => {
      const key = sampleKey("stranger.rsa.pub");
      for (const [path, bytes] of makeRepository(smallWorld, key)) files.set(path, bytes);
    },
    expected: {
      exitCode: 3,
      code: "key-unknown",
      message: /stranger\.rsa\.pub/,
      hint: /name it for that repository/,
    },
  },
  "an index signed by a key that another repository has": {
    config: ({ server }) => {
      for (const [path, bytes] of new Map(server.files)) server.files.set(`other/${path}`, bytes);
      const { key, publicPem } = sampleKey();
      const own = { name: "own.rsa.pub", content: sampleKey("own.rsa.pub").publicPem };
      return JSON.stringify({
        contents: {
          build_repositories: [
            { url: server.url, keys: [own] },
            { url: `${server.url}/other`, keys: [{ name: key.name, content: publicPem }] },
          ],
          packages: ["app"],
        },
        archs: ["x86_64"],
      });
    },
    expected: { exitCode: 3, code: "key-not-allowed", message: /sample\.rsa\.pub/, hint: /./ },
  },
  "a third party's key for Alpine's own repository": {
    config: () => sampleConfig({ repositories: [alpine], packages: ["app"] }),
    words: (server) => ["--mirror", `${alpine}=${server.url}`],
    expected: {
      exitCode: 3,
      code: "key-not-allowed",
      message: /signed by sample\.rsa\.pub, .* not for https:\/\/dl-cdn\.alpinelinux\.org/,
      hint: /that repository's keys/,
    },
  },
  "a package that was replaced by another one": {
    spoil: (files) => void files.set(app, files.get("x86_64/base-1.0-r0.apk")!),
    expected: {
      exitCode: 3,
      code: "http-invalid",
      message: /app-1\.0-r0: expected \d+ bytes/,
      hint: /index/,
    },
  },
  "an index that breaks off": {
    serve: (server) => server.misbehave(index, breakOff),
    expected: { exitCode: 3, code: "http-truncated", message: /APKINDEX/, hint: /./ },
  },
  "a package that breaks off": {
    serve: (server) => server.misbehave(app, breakOff),
    expected: { exitCode: 3, code: "http-truncated", message: /app-1\.0-r0/, hint: /./ },
  },
  "a package that is shorter than the index says": {
    spoil: (files) => void files.set(app, files.get(app)!.subarray(0, 700)),
    expected: { exitCode: 3, code: "http-invalid", message: /app-1\.0-r0/, hint: /./ },
  },
  "an index that is not there": {
    serve: (server) => server.misbehave(index, answer(404)),
    expected: { exitCode: 3, code: "http-not-found", message: /APKINDEX.*404/, hint: /./ },
  },
  "a package that is not there": {
    serve: (server) => server.misbehave(app, answer(404)),
    expected: {
      exitCode: 3,
      code: "package-unavailable",
      message: /app-1\.0-r0.*404/,
      hint: /--vendor/,
    },
  },
  "a server that wants to be asked less": {
    serve: (server) => server.misbehave(app, answer(429, { "retry-after": "1" })),
    expected: { exitCode: 3, code: "http-throttled", message: /app-1\.0-r0.*429/, hint: /mirror/ },
  },
  "a server that fails": {
    serve: (server) => server.misbehave(index, answer(500)),
    expected: { exitCode: 3, code: "http-status", message: /APKINDEX.*500/, hint: /later/ },
  },
  "a server that stalls": {
    serve: (server) => server.misbehave(app, stall),
    words: () => ["--limit", "stall-time=1"],
    expected: { exitCode: 3, code: "http-stalled", message: /app-1\.0-r0/, hint: /./ },
  },
  "a server that is not there": {
    config: ({ server }) =>
      sampleConfig({ repositories: [server.url.replace(/\d+$/, "9")], packages: ["app"] }),
    expected: {
      exitCode: 3,
      code: "http-unreachable",
      message: /APKINDEX.*refused/,
      hint: /proxy/,
    },
  },
  "a file that would remove another from the image": {
    packages: [{ name: "app", files: { "etc/.wh.passwd": "" } }],
    expected: { exitCode: 3, code: "path-unsafe", message: /\/etc\/\.wh\.passwd/, hint: /./ },
  },
  "a build time that no date can state": {
    packages: [{ name: "app", built: 253_402_300_800, files: { "etc/app": "" } }],
    expected: {
      exitCode: 3,
      code: "index-invalid",
      message: /app-1\.0-r0: .*year 10000/,
      hint: /SOURCE_DATE_EPOCH/,
    },
  },
  "a decompression bomb in a package": {
    packages: [bomb],
    wanted: ["bomb"],
    expected: {
      exitCode: 3,
      code: "limit-exceeded",
      message: /bomb-1\.0-r0.*limit package-ratio/,
      hint: /--limit package-ratio=/,
    },
  },
  "a decompression bomb as an index": {
    spoil: (files) =>
      void files.set(
        index,
        Buffer.concat([files.get(index)!, gzipBytes(new Uint8Array(64 * 1024 * 1024))]),
      ),
    expected: { exitCode: 3, code: "signature-invalid", message: /APKINDEX/, hint: /./ },
  },
  "a package that climbs out of the root": {
    packages: withFile("../escaped", "escaped\n"),
    expected: {
      exitCode: 3,
      code: "path-unsafe",
      message: /app-1\.0-r0.*\.\.\/escaped/,
      hint: /hostile/,
    },
  },
  "a package with an absolute path": {
    packages: withFile("/etc/absolute", "absolute\n"),
    expected: {
      exitCode: 3,
      code: "path-unsafe",
      message: /app-1\.0-r0.*absolute/,
      hint: /hostile/,
    },
  },
  "a hard link to a file that the package does not have": {
    packages: withFile("srv/link", { type: "hardlink", linkPath: "../../etc/shadow" }),
    expected: { exitCode: 3, code: "path-unsafe", message: /app-1\.0-r0.*shadow/, hint: /./ },
  },
  "a package that writes through another's symlink": {
    packages: [
      { name: "links", files: { "srv/data": { type: "symlink", linkPath: "../etc" } } },
      { name: "app", depends: ["links"], files: { "srv/data/passwd": "hostile\n" } },
    ],
    expected: { exitCode: 3, code: "symlink-parent", message: /srv\/data/, hint: /./ },
  },
  "two packages that have the same file": {
    packages: [
      { name: "first", files: { "etc/same": "first\n" } },
      { name: "app", depends: ["first"], files: { "etc/same": "second\n" } },
    ],
    expected: {
      exitCode: 3,
      code: "file-conflict",
      message: /etc\/same.*first-1\.0-r0/,
      hint: /replaces/,
    },
  },
  "a world that cannot be": {
    packages: [
      { name: "app", depends: ["library>=2", "so:missing.so.1"] },
      { name: "library", version: "1.2-r3" },
    ],
    wanted: ["app", "library"],
    expected: {
      exitCode: 3,
      code: "world-unsatisfiable",
      message: /^(library>=2|so:missing\.so\.1): .* asked for by app-1\.0-r0 /,
      hint: /./,
    },
  },
  "a package that nobody has": {
    wanted: ["app", "bsae"],
    expected: {
      exitCode: 3,
      code: "world-unsatisfiable",
      message: /^bsae: .*asked for by world/,
      hint: /spelling/,
    },
  },
};

suite("caught", { concurrency: 4 }, () => {
  for (const [name, sabotage] of Object.entries(cases))
    test(name, async (context) => {
      const attempt = await openAttempt(context, sabotage);
      await assertCaught(attempt, sabotage);
      if (sabotage.spoil === undefined && sabotage.serve === undefined) return;
      // What was refused is not kept: once the server is well again, so is the build.
      attempt.server.heal(makeRepository(smallWorld));
      if (sabotage.isLocal === true)
        writeRepository(attempt.workspace.path("repository"), makeRepository(smallWorld));
      await succeed(attempt.workspace, ["build", attempt.config, "--tag", "sample"]);
    });
});

test("a flipped byte in a cached file costs a warning and another download", async (context) => {
  const attempt = await openAttempt(context, {
    expected: cases["an index that is not there"]!.expected,
  });
  const { workspace, config, server } = attempt;
  const words = ["build", config, "-o", `oci-archive:${workspace.path("image.tar")}`];
  await succeed(workspace, words);
  const image = readFileSync(workspace.path("image.tar"));
  spoilCached(workspace, server.files.get(app)!);
  const asked = server.requests.length;
  assertFailure(await runBivy(workspace, [...words, "--offline"]), {
    exitCode: 3,
    code: "cache-corrupt",
    message: /app-1\.0-r0/,
    hint: /./,
  });
  assertNothingLeft(workspace);
  assert.ok(readFileSync(workspace.path("image.tar")).equals(image), "the image is as it was");
  assert.equal(server.requests.length, asked);
  await succeed(workspace, words);
  spoilCached(workspace, server.files.get(app)!);
  const { stderr } = await succeed(workspace, words);
  assert.match(stderr, /warning: .*app-1\.0-r0/);
  assert.equal(server.requests.slice(asked).filter((path) => path.endsWith(app)).length, 2);
  assert.ok(readFileSync(workspace.path("image.tar")).equals(image));
});

/** Changes one byte of the one file in the cache that holds these. */
function spoilCached(workspace: Workspace, content: Buffer): void {
  const cache = join(workspace.home, ".cache");
  const holders = listFolder(cache)
    .map((name) => join(cache, name))
    .filter((path) => statSync(path).isFile() && readFileSync(path).includes(content));
  assert.equal(holders.length, 1);
  const bytes = readFileSync(holders[0]!);
  bytes[bytes.indexOf(content) + 600]! ^= 1;
  writeFileSync(holders[0]!, bytes);
}

test("a server that fails now and then is asked again", async (context) => {
  const attempt = await openAttempt(context, { expected: cases["a server that fails"]!.expected });
  const { workspace, config, server } = attempt;
  const failures: Misbehaviour[] = [
    answer(503),
    answer(429, { "retry-after": "1" }),
    (response) => void response.destroy(),
  ];
  for (const ending of [index, app]) {
    let asked = 0;
    server.misbehave(ending, (...request) => {
      const failure = failures[(asked += 1) % 2 === 0 ? 1 : ending === app ? 2 : 0];
      return asked > 2 ? false : failure!(...request);
    });
  }
  const { stderr } = await succeed(workspace, ["build", config, "-t", "sample"]);
  assert.match(stderr, /^retrying .*APKINDEX.*503/m);
  assert.match(stderr, /^retrying app-1\.0-r0 \(attempt 2\) after 1000 ms: HTTP 429/m);
  assertNothingLeft(workspace);
});

test("a failure does not wait for what else is going on", async (context) => {
  const workspace = openWorkspace(context);
  const server = await servePackages(context, makeRepository(smallWorld));
  // The slow one has been asked when the other one says that it has nothing.
  const asked = server.asked(`slow/${index}`);
  server.misbehave(`slow/${index}`, () => {});
  server.misbehave(`none/${index}`, (response) => {
    void asked.then(() => response.writeHead(404).end());
  });
  const repositories = [`${server.url}/slow`, `${server.url}/none`];
  const config = workspace.write("image.yaml", sampleConfig({ repositories, packages: ["app"] }));
  const words = ["build", config, "--tag", "sample", "--limit", "stall-time=100000"];
  const outcome = await runBivy(workspace, words);
  assertFailure(outcome, { exitCode: 3, code: "http-not-found", message: /none/ });
});
