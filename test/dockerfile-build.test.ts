/** bivy build of Dockerfiles, as users do it: every flag, what comes out of it, and what is said when it fails. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { openLayout, selectPlatform } from "../src/oci/index.ts";
import { run } from "./alpine-root.ts";
import { filesWith } from "./dockerfiles/bivy.ts";
import { listImage } from "./dockerfiles/image-listing.ts";
import {
  alpineWorld,
  carriedOut,
  fromRun,
  inspect,
  script,
  scratchWorld,
  storeOf,
  unfinished,
  withAlpine,
  withInput,
  wordsOf,
} from "./dockerfile-world.ts";
import { servePackages } from "./package-server.ts";
import { fixtures, needs } from "./requirements.ts";
import { assertNothingLeft, readLayout, runBivy, succeed } from "./run-bivy.ts";

const withSkopeo = needs({ tools: ["skopeo"] });
interface Statement {
  readonly predicateType: string;
  readonly subject: readonly { readonly digest: Readonly<Record<string, string>> }[];
}

suite("outputs", { concurrency: 2 }, () => {
  test("one build goes to many places", withSkopeo, async (context) => {
    const { workspace, place, build, read } = scratchWorld(context);
    const folder = place({
      Dockerfile: 'FROM scratch\nCOPY a /\nCOPY b /b/\nCMD ["/a"]\n',
      a: "a\n",
      "b/c": "c\n",
    });
    for (const out of ["local", "plain"])
      place({ kept: "kept\n", "b/other": "other\n", a: "old\n" }, out);
    const at = (name: string) => workspace.path(name);
    const { digest, imageId, places } = await build([
      ...wordsOf(`-t first -t second:2 -o type=image,name=third
        -o oci:${at("layout")}:tag -o type=oci,dest=${at("layout2")},tar=false
        -o oci-archive:${at("archive")}:tag -o type=oci,dest=${at("typed.tar")} -o ${at("short.tar")}
        -o docker-archive:${at("docker")}:app:1 -o type=docker,dest=${at("docker2")},name=app:2
        -o type=local,dest=${at("local")} -o ${at("plain")} -o type=tar,dest=${at("files.tar")}`),
      folder,
    ]);
    assert.equal(places.length, 13);
    for (const image of [
      "oci:layout:tag",
      "oci:layout2",
      "oci-archive:archive:tag",
      "oci-archive:typed.tar",
      "oci-archive:short.tar",
    ]) {
      const [kind, ...rest] = image.split(":");
      const seen = inspect([kind, workspace.path(rest[0]!), ...rest.slice(1)].join(":"));
      assert.equal(seen.Digest, digest, image);
    }
    for (const name of ["first:latest", "second:2", "third:latest"])
      assert.equal(
        inspect(`oci:${storeOf(workspace.home)}:docker.io/library/${name}`).Digest,
        digest,
        name,
      );
    for (const name of ["docker:app:1", "docker2:app:2"]) {
      const manifest = inspect(`docker-archive:${workspace.path(name)}`, "--raw");
      assert.equal(manifest.config.digest, imageId, name);
    }
    for (const out of ["local", "plain"]) {
      const texts = ["a", "b/c", "kept", "b/other"].map((name) => read(out, name));
      assert.deepEqual(texts, ["a\n", "c\n", "kept\n", "other\n"]);
    }
    assert.deepEqual(
      run("tar", ["-tf", at("files.tar")])
        .split("\n")
        .sort(),
      ["", "a", "b/", "b/c"],
    );
    assertNothingLeft(workspace);
    assert.deepEqual(unfinished(workspace.folder), []);
  });

  test("-o - is a tar on standard output, and the rest is said elsewhere", async (context) => {
    const { workspace, place } = scratchWorld(context);
    const folder = place({ Dockerfile: "FROM scratch\nCOPY a /dir/\n", a: "text\n" });
    const toFile = { prefix: ["sh", "-c", '"$@" > out.tar', "sh"] };
    const { stderr } = await succeed(workspace, ["build", "-o", "-", folder], toFile);
    assert.match(stderr, /^sha256:[0-9a-f]{64}$/m);
    assert.equal(run("tar", ["-xOf", workspace.path("out.tar"), "dir/a"]), "text\n");
  });

  test("files of several platforms have a folder each", async (context) => {
    const { workspace, place, build, read } = scratchWorld(context);
    const folder = place({
      Dockerfile: "FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /arch\n",
      amd64: "amd64",
      arm64: "arm64",
    });
    await build(["--platform", "linux/amd64,linux/arm64", "-o", workspace.path("out"), folder]);
    for (const arch of ["amd64", "arm64"]) assert.equal(read("out", `linux_${arch}`, "arch"), arch);
  });

  test("the same files are written whether or not their steps were cached", async (context) => {
    const { workspace, place, build } = scratchWorld(context);
    const folder = place({ Dockerfile: "FROM scratch\nCOPY a b /\n", a: "a", "b/c": "c" });
    const tars = [1, 2].map((count) => workspace.path(`${count}.tar`));
    for (const tar of tars) await build(["-o", `type=tar,dest=${tar}`, folder]);
    const [first, second] = tars.map((tar) => readFileSync(tar));
    assert.ok(second!.equals(first!), "byte for byte");
  });

  test("--iidfile, --metadata-file, --format, --label and --cache-dir", async (context) => {
    const { workspace, place, build, read } = scratchWorld(context);
    const folder = place({ Dockerfile: "FROM scratch\nLABEL a=1\nCOPY a /\n", a: "a" });
    const kept = ["--cache-dir", workspace.path("kept")];
    const files = [
      ...kept,
      "--iidfile",
      workspace.path("id"),
      "--metadata-file",
      workspace.path("meta"),
    ];
    const out = workspace.path("layout");
    const built = await build([
      ...files,
      "--label",
      "a=2",
      "--label",
      "b",
      "-o",
      `oci:${out}`,
      folder,
    ]);
    assert.deepEqual(readdirSync(workspace.path("kept")), ["build"]);
    assert.equal(read("id"), built.imageId);
    const metadata = JSON.parse(read("meta"));
    assert.equal(metadata["containerimage.digest"], built.digest);
    assert.equal(metadata["containerimage.config.digest"], built.imageId);
    const layout = readLayout(out);
    const manifest = layout.json(built.digest);
    assert.equal(manifest.config.digest, built.imageId);
    const config = JSON.parse(layout.blob(built.imageId).toString());
    assert.deepEqual(config.config.Labels, { a: "2", b: "" });
    assert.deepEqual(
      built.platforms.map(({ digest, layers, steps }) => [digest, layers, steps.length]),
      [[built.digest, manifest.layers.length, 1]],
    );
  });

  test("--compression", async (context) => {
    const { workspace, place, build } = scratchWorld(context);
    const folder = place({ Dockerfile: "FROM scratch\nCOPY a /\n", a: "a".repeat(10_000) });
    for (const [kind, type] of [
      ["gzip", "tar+gzip"],
      ["zstd", "tar+zstd"],
      ["none", "tar"],
    ] as const) {
      const out = workspace.path(kind);
      const { digest } = await build([
        "--no-cache",
        "--compression",
        kind,
        "-o",
        `oci:${out}`,
        folder,
      ]);
      const { layers } = JSON.parse(readLayout(out).blob(digest).toString());
      assert.deepEqual(
        layers.map((layer: { mediaType: string }) => layer.mediaType),
        [`application/vnd.oci.image.layer.v1.${type}`],
      );
    }
  });

  test(
    "--sbom and --provenance are attached as BuildKit attaches them",
    withSkopeo,
    async (context) => {
      const { workspace, place, build } = scratchWorld(context);
      const folder = place({ Dockerfile: "FROM scratch\nARG WORD\nCOPY a /\n", a: "a" });
      const out = workspace.path("layout");
      const words = ["--sbom", "--provenance", "max", "--build-arg", "WORD=said"];
      const { digest } = await build([
        ...words,
        "--platform",
        "linux/amd64,linux/arm64",
        "-o",
        `oci:${out}`,
        folder,
      ]);
      const { json, blob } = readLayout(out);
      const { manifests } = json(digest);
      assert.deepEqual(inspect(`oci:${out}`, "--raw").manifests, manifests);
      const platforms = manifests.map(({ platform }) => platform.architecture);
      assert.deepEqual(platforms.sort(), ["amd64", "arm64", "unknown", "unknown"]);
      for (const { digest: at, annotations = {} } of manifests) {
        const about = annotations["vnd.docker.reference.digest"];
        if (about === undefined) continue;
        assert.ok(manifests.some((image) => image.digest === about));
        const statements = json(at).layers.map((layer): Statement =>
          JSON.parse(blob(layer.digest).toString()),
        );
        const types = statements.map(({ predicateType }) => predicateType).sort();
        assert.deepEqual(types, ["https://slsa.dev/provenance/v1", "https://spdx.dev/Document"]);
        for (const { subject } of statements)
          assert.deepEqual(
            subject.map((each) => `sha256:${each.digest["sha256"]}`),
            [about],
          );
        assert.match(JSON.stringify(statements), /WORD.*said/);
      }
    },
  );

  test("SOURCE_DATE_EPOCH dates the image, and the files of the context", async (context) => {
    const { workspace, place, build } = scratchWorld(context);
    const folder = place({
      Dockerfile: "FROM scratch\nCOPY old new /\nWORKDIR /made\n",
      old: "old",
      new: "new",
    });
    utimesSync(join(folder, "old"), 1000, 1000);
    const [out, tar] = [workspace.path("layout"), workspace.path("files.tar")];
    const environment = { SOURCE_DATE_EPOCH: "1600000000" };
    const outputs = ["-o", `oci:${out}`, "-o", `type=tar,dest=${tar}`];
    const { imageId } = await build([...outputs, folder], { environment });
    const config = JSON.parse(readLayout(out).blob(imageId).toString());
    assert.equal(config.created, "2020-09-13T12:26:40Z");
    assert.deepEqual(
      config.history.filter((each: { created: string }) => each.created !== config.created),
      [],
    );
    const lines = run("tar", ["--utc", "--full-time", "-tvf", tar]).trim().split("\n");
    const dates = lines.map((line) => line.split(/\s+/).slice(3));
    assert.deepEqual(dates.map(([day, time, name]) => `${name} ${day} ${time}`).sort(), [
      "made/ 2020-09-13 12:26:40",
      "new 2020-09-13 12:26:40",
      "old 2020-09-13 12:26:40",
    ]);
  });
});

suite("commands", { concurrency: 2, ...withAlpine }, () => {
  test("--target, --build-arg, --build-context, -f, heredocs, ignore file", async (context) => {
    const { workspace, place, build, read } = await alpineWorld(context);
    const folder = place({
      "sub/app.Dockerfile": `# escape=\`
ARG BASE=alpine
FROM $BASE AS given
ARG FLAG
ARG ENVIRONMENT
ARG DEFAULT=default
WORKDIR /out
RUN <<END
  echo "$FLAG $ENVIRONMENT $DEFAULT" > arguments
END
COPY <<FIRST <<"SECOND" ./
$FLAG
FIRST
$FLAG
SECOND
COPY --from=assets logo .
COPY . context/
FROM scratch AS wanted
COPY --from=given /out /
FROM given AS unwanted
RUN exit 1
`,
      "sub/app.Dockerfile.dockerignore": "*\n!kept\n",
      ".dockerignore": "kept\n",
      kept: "kept",
      dropped: "dropped",
    });
    place({ logo: "logo" }, "assets");
    await build(
      [
        ...wordsOf(`-f ${folder}/sub/app.Dockerfile --target wanted -o ${workspace.path("out")}
          --build-arg FLAG=flag --build-arg ENVIRONMENT --build-arg BASE=alpine
          --build-context assets=${workspace.path("assets")}`),
        folder,
      ],
      { environment: { ENVIRONMENT: "environment" } },
    );
    assert.equal(read("out/arguments"), "flag environment default\n");
    assert.deepEqual(
      ["FIRST", "SECOND"].map((name) => read("out", name)),
      ["flag\n", "$FLAG\n"],
    );
    assert.equal(read("out/logo"), "logo");
    assert.deepEqual(readdirSync(workspace.path("out/context")), ["kept"]);
    const input = fromRun("RUN mkdir /out && echo a > /out/a");
    await build(["-o", workspace.path("standard"), "-"], withInput(workspace, input));
    assert.equal(read("standard/a"), "a\n");
    const both = ["-f", "-", "-o", workspace.path("both"), folder];
    await build(both, withInput(workspace, "FROM scratch\nCOPY dropped /\n"));
    assert.equal(read("both/dropped"), "dropped");
  });

  test("--network, --add-host and --volume are for the command alone", async (context) => {
    const { workspace, place, build, read } = await alpineWorld(context);
    const volumes = [place({ a: "a" }, "readable"), place({}, "writable")];
    const look = "ls /sys/class/net > /out/$1; cat /etc/hosts >> /out/$1";
    const folder = place({
      Dockerfile: fromRun(
        "RUN mkdir /out",
        `RUN ${script("set default", look)}`,
        `RUN --network=none ${script("set none", look)}`,
        `RUN ${script("cat /readable/a > /out/volume", "echo b > /writable/b", "! echo > /readable/b", "ls / > /out/root")}`,
        "RUN cp /etc/hosts /out/hosts.after",
      ),
    });
    const flags = ["--add-host", "db.test:192.0.2.7", "--add-host", "six=2001:db8::1"];
    const mounts = [
      "--volume",
      `${volumes[0]}:/readable:ro`,
      "--volume",
      `${volumes[1]}:/writable`,
    ];
    await build([...flags, ...mounts, "-o", workspace.path("out"), folder]);
    const host = readdirSync("/sys/class/net").sort();
    assert.equal(read("out/none").split("\n")[0], "lo");
    assert.deepEqual(read("out/default").split("\n").slice(0, host.length), host);
    for (const name of ["default", "none"])
      assert.match(read("out", name), /^192\.0\.2\.7\tdb\.test\n2001:db8::1\tsix$/m);
    assert.equal(read("out/volume"), "a");
    assert.equal(read("writable/b"), "b\n");
    const image = await build([
      ...flags,
      ...mounts,
      "--target",
      "run",
      "-o",
      `oci:${workspace.path("layout")}`,
      folder,
    ]);
    assert.deepEqual(carriedOut(image), []);
    const { tree } = await listImage(
      await selectPlatform(await (await openLayout(workspace.path("layout"))).open()),
    );
    assert.deepEqual(
      Object.keys(tree).filter((path) => /^\/?(readable|writable)/.test(path)),
      [],
    );
    const none = fromRun("RUN ls /sys/class/net > /net && mkdir /out && cp /net /out");
    await build([
      "--network",
      "none",
      "-f",
      workspace.write("none", none),
      "-o",
      workspace.path("none.out"),
      folder,
    ]);
    assert.equal(read("none.out/net"), "lo\n");
  });

  test("every runtime makes the same image", async (context) => {
    const { workspace, place, build } = await alpineWorld(context);
    const folder = place({
      Dockerfile: `FROM alpine
RUN --mount=type=tmpfs,target=/t adduser -D app && ln -s a /link && echo text > /a && chown app /a
USER app
WORKDIR /home/app
RUN id > id && pwd >> id
`,
    });
    const digests = new Map<string, string>();
    for (const runtime of ["auto", "crun", "runc", "bwrap", "unshare"]) {
      const { digest } = await build(["--no-cache", "--runtime", runtime, folder]);
      digests.set(runtime, digest);
    }
    assert.equal(new Set(digests.values()).size, 1, JSON.stringify([...digests]));
    assertNothingLeft(workspace);
  });

  test("--allow security.insecure", async (context) => {
    const { workspace, words, place, build, read } = await alpineWorld(context);
    const look = "grep CapEff /proc/self/status";
    const folder = place({
      Dockerfile: fromRun(
        "RUN mkdir /out",
        `RUN ${look} > /out/usual`,
        `RUN --security=insecure ${look} > /out/all`,
      ),
    });
    const refused = await runBivy(workspace, ["build", ...words, folder]);
    assert.equal(refused.exitCode, 2, refused.stderr);
    assert.match(
      refused.stderr,
      /Dockerfile:4:1: .*insecure.*\n.*\n.*\[usage\]\nhint: .*--allow security\.insecure/,
    );
    await build(["--allow", "security.insecure", "-o", workspace.path("out"), folder]);
    const rights = ["usual", "all"].map((name) => BigInt(`0x${read("out", name).split(/\s+/)[1]}`));
    assert.ok(rights[1]! > rights[0]!);
  });

  test("--debug-shell stands where the command failed", async (context) => {
    const { workspace, words, place } = await alpineWorld(context);
    const folder = place({
      Dockerfile: "FROM alpine\nWORKDIR /place\nENV A=b\nRUN echo made > file; exit 3\n",
    });
    const input = { prefix: ["sh", "-c", 'printf "cat file; pwd; echo \\$A\\n" | "$@"', "sh"] };
    const { exitCode, stdout, stderr } = await runBivy(
      workspace,
      ["build", ...words, "--debug-shell", folder],
      input,
    );
    assert.equal(exitCode, 3, stderr);
    assert.equal(stdout, "made\n/place\nb\n");
    assert.match(stderr, /exit code 3; this is a shell where it did, in \/place/);
  });

  test("ONBUILD of a base in the store", async (context) => {
    const { workspace, place, build, read } = await alpineWorld(context);
    const base = place(
      {
        Dockerfile: "FROM alpine\nONBUILD COPY word /out/\nONBUILD RUN cat /out/word > /out/run\n",
      },
      "base",
    );
    await build(["-t", "triggers", base]);
    const folder = place({ Dockerfile: fromRun().replace("alpine", "triggers"), word: "word" });
    await build(["-o", workspace.path("out"), "--offline", folder]);
    assert.deepEqual(
      ["word", "run"].map((name) => read("out", name)),
      ["word", "word"],
    );
  });
});

test("--bootstrap-base makes the base that no registry gives", withAlpine, async (context) => {
  const { workspace, place, build, read } = scratchWorld(context);
  const repository = readRepository(join(fixtures, "repo/v3.19/main/x86_64"));
  const server = await servePackages(context, repository);
  const folder = place({
    Dockerfile: fromRun("RUN mkdir /out && apk info -q > /out/packages").replace(
      "alpine AS",
      "alpine:3.19 AS",
    ),
  });
  const mirror = `https://dl-cdn.alpinelinux.org/alpine=${server.url}`;
  const flags = [
    "--bootstrap-base",
    "--mirror",
    mirror,
    "--allow-untrusted",
    "-o",
    workspace.path("out"),
  ];
  // No registry is asked, wherever this runs.
  const environment = { https_proxy: "http://127.0.0.1:1" };
  await build([...flags, folder], { environment });
  const names = [...repository.keys()].flatMap(
    (path) => /main.*\/(.*)-[^-]+-r\d+\.apk$/.exec(path)?.[1] ?? [],
  );
  assert.deepEqual(read("out/packages").trim().split("\n").sort(), names.sort());
});

/** The files of a repository, as it lies on a mirror, also as the other repository of its release. */
function readRepository(folder: string): Map<string, Buffer> {
  const files = readdirSync(folder).map(
    (name) => [name, readFileSync(join(folder, name))] as const,
  );
  return new Map(
    ["main", "community"].flatMap((part) =>
      files.map(([name, bytes]) => [`v3.19/${part}/x86_64/${name}`, bytes]),
    ),
  );
}

suite("secrets and agents", { concurrency: 2, ...withAlpine }, () => {
  test("a secret reaches its command, and nothing that is made", async (context) => {
    const { workspace, place, build } = await alpineWorld(context);
    const texts = ["hunter2-in-a-file", "hunter2-in-the-environment"];
    const folder = place({
      Dockerfile: `FROM alpine
RUN --mount=type=secret,id=file --mount=type=secret,id=variable,env=TOKEN ${script(
        "sha256sum /run/secrets/file | cut -c1-8 > /sums",
        'printf %s "$TOKEN" | sha256sum | cut -c1-8 >> /sums',
        "stat -c %a /run/secrets/file >> /sums",
      )}
RUN test ! -e /run/secrets && test -z "$TOKEN" && cat /sums
`,
    });
    const placeSecret = (text: string) => workspace.write("secrets/file", text);
    const words = (file: string) => [
      ...wordsOf(`--secret id=file,src=${file} --secret id=variable,env=SECRET --progress json
        --sbom --provenance max --metadata-file ${workspace.path("meta")} -t secret
        -o oci:${workspace.path("layout")} --cache-to type=local,dest=${workspace.path("steps")}`),
      folder,
    ];
    const environment = { SECRET: texts[1]! };
    const first = await build(words(placeSecret(texts[0]!)), { environment });
    const sums = texts.map((text) =>
      run("sh", ["-c", 'printf %s "$0" | sha256sum | cut -c1-8', text]).trim(),
    );
    for (const sum of [...sums, "400"])
      assert.match(first.stderr, new RegExp(`"text":"(?:[^"]*\\\\n)?${sum}\\\\n`));
    const changed = await build(words(placeSecret("another")), {
      environment: { SECRET: "another" },
    });
    assert.deepEqual(
      [carriedOut(changed), changed.digest],
      [[], first.digest],
      "a changed secret changes nothing",
    );
    for (const text of texts) assert.ok(!first.stderr.includes(text));
    for (const made of ["layout", "steps", "home", "tmp", "context"])
      assert.deepEqual(filesWith(workspace.path(made), texts), [], made);
    assert.ok(!readFileSync(workspace.path("meta"), "utf8").includes("hunter2"));
    assertNothingLeft(workspace);
  });

  const withAgent = needs({
    root: true,
    fixtures: true,
    tools: ["unshare", "ssh-agent", "ssh-add", "ssh-keygen"],
  });
  /** Asks the agent for its keys, and writes down what it answers: its length, 12, and how many there are. */
  const ask = script(
    "cd /t; mkfifo asking; nc local:$SSH_AUTH_SOCK < asking > answer &",
    "exec 3> /t/asking; printf '\\0\\0\\0\\1\\13' >&3",
    "for i in $(seq 400); do test $(wc -c < /t/answer) -ge 9 && break; sleep 0.05; done",
    "head -c 9 /t/answer | tail -c 5 | od -An -tx1 >> /answers",
  );

  test("an agent reaches its command", withAgent, async (context) => {
    const { workspace, place, build, read } = await alpineWorld(context);
    const key = workspace.path("key");
    run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", key]);
    const socket = workspace.path("agent");
    const [, pid] = /SSH_AGENT_PID=(\d+)/.exec(run("ssh-agent", ["-s", "-a", socket]))!;
    context.after(() => process.kill(Number(pid)));
    run("env", [`SSH_AUTH_SOCK=${socket}`, "ssh-add", "-q", key]);
    const mount = (more: string) =>
      `RUN --mount=type=tmpfs,target=/t --mount=type=ssh${more} ${ask}`;
    const folder = place({
      Dockerfile: `FROM alpine AS run
${mount("")}
${mount(",id=keys")}
${mount(",id=named")}
RUN test -z "$SSH_AUTH_SOCK" && test ! -e /run/buildkit
FROM scratch
COPY --from=run /answers /
`,
    });
    const flags = ["--ssh", "default", "--ssh", `keys=${key}`, "--ssh", `named=${socket}`];
    await build([...flags, "-o", workspace.path("out"), folder], {
      environment: { SSH_AUTH_SOCK: socket },
    });
    assert.equal(read("out/answers"), " 0c 00 00 00 01\n".repeat(3));
    assertNothingLeft(workspace);
  });
});
