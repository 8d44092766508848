/** ADD of repositories, which a server on this machine gives as plain files. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { listTree, scratchFolder, type SampleTree } from "./sample-copy.test.ts";
import {
  addRepository,
  commitTime,
  git,
  resolveLine,
  serveBackend,
  serveFiles,
  skip,
} from "./sample-repository.test.ts";

interface Repository {
  readonly url: string;
  readonly commits: Readonly<Record<"first" | "second" | "side", string>>;
  /** Paths that were asked for. */
  readonly asked: string[];
}

/**
 * A repository whose main branch has two commits; the tag v1 is the first one, the annotated tag v2 the
 * second. A branch has a folder of its own.
 */
async function serveRepository(context: TestContext): Promise<Repository> {
  const folder = join(scratchFolder(context), "x.git");
  mkdirSync(folder);
  git(folder, "init", "--quiet");
  writeFileSync(join(folder, "foo"), "one");
  writeFileSync(join(folder, "run"), "#!/bin/sh\n");
  chmodSync(join(folder, "run"), 0o777);
  chmodSync(join(folder, "foo"), 0o600);
  symlinkSync("../../etc/passwd", join(folder, "link"));
  writeFileSync(join(folder, ".gitattributes"), "foo export-ignore filter=evil\n");
  const commit = (text: string) => {
    git(folder, "add", ".");
    git(folder, "commit", "--quiet", "-m", text);
    return git(folder, "rev-parse", "HEAD");
  };
  const first = commit("one");
  git(folder, "tag", "v1");
  writeFileSync(join(folder, "foo"), "two");
  const second = commit("two");
  git(folder, "tag", "-a", "v2", "-m", "two");
  git(folder, "checkout", "--quiet", "-b", "feature/side");
  mkdirSync(join(folder, "sub"));
  writeFileSync(join(folder, "sub/bar"), "bar");
  symlinkSync("sub", join(folder, "to-sub"));
  symlinkSync(".git", join(folder, "to-git"));
  const side = commit("side");
  git(folder, "checkout", "--quiet", "main");
  git(folder, "update-server-info");
  const { url, asked } = await serveFiles(context, folder);
  return { url: `${url}/x.git`, commits: { first, second, side }, asked };
}

const common: SampleTree = {
  ".gitattributes": "foo export-ignore filter=evil\n",
  link: "-> ../../etc/passwd",
  run: "755 #!/bin/sh\n",
};

function inFolder(folder: string, tree: SampleTree): SampleTree {
  const below = Object.entries(tree).map(([path, text]) => [`${folder}/${path}`, text] as const);
  return { [`${folder}/`]: "", ...Object.fromEntries(below) };
}

test("a repository gives the files of one commit", { skip }, async (context) => {
  const { url, commits } = await serveRepository(context);
  const one = inFolder("x", { ...common, foo: "one" });
  const two = inFolder("x", { ...common, foo: "two" });
  const bar = inFolder("x", { bar: "bar" });
  const cases: readonly (readonly [string, SampleTree])[] = [
    [`ADD ${url} /x/`, two],
    [`ADD ${url} /x`, two],
    [`ADD ${url}#v1 /x`, one],
    [`ADD ${url}#main /x`, two],
    [`ADD ${url}#v2 /x`, two],
    [`ADD ${url}#refs/tags/v1 /x`, one],
    [`ADD ${url}#${commits.first} /x`, one],
    [`ADD ${url}?tag=v1 /x`, one],
    [`ADD ${url}#feature/side:sub /x`, bar],
    [`ADD ${url}#feature/side:/to-sub/ /x`, bar],
    [`ADD ${url}?branch=feature/side&subdir=sub /x`, bar],
    [`ADD --checksum=${commits.first} ${url}#v1 /x`, one],
    [`ADD --checksum=${commits.second.slice(0, 7)} ${url}#v2 /x`, two],
    [
      `ADD --exclude=foo --exclude=.git* --exclude=run ${url} /x`,
      inFolder("x", { link: common["link"]! }),
    ],
  ];
  for (const [line, after] of cases)
    assert.deepEqual(await listTree((await addRepository(context, line)).snapshot()), after, line);
  const root = await addRepository(context, `ADD --chown=5:6 --chmod=700 ${url}#v1 /x`);
  const attributes = ["x", "x/foo", "x/link"].map((path) => {
    const { mode, uid, gid, mtime } = root.lookup(path)!;
    return [mode.toString(8), uid, gid, mtime];
  });
  assert.deepEqual(attributes, [
    ["700", 5, 6, commitTime],
    ["700", 5, 6, commitTime],
    ["777", 5, 6, commitTime],
  ]);
});

test("the repository itself is kept where that is asked for", { skip }, async (context) => {
  const { url, commits } = await serveRepository(context);
  for (const line of [`ADD --keep-git-dir=true ${url}#v1 /`, `ADD ${url}?keep-git-dir=1#v1 /`]) {
    const files = await listTree((await addRepository(context, line)).snapshot());
    assert.equal(files["foo"], "one");
    assert.equal(files[".git/HEAD"], `${commits.first}\n`);
    assert.ok(files[".git/config"]!.includes(`url = ${url}\n`));
    assert.ok(files[".git/index"] !== undefined);
    for (const none of [".git/FETCH_HEAD", ".git/hooks/", ".git/logs/"])
      assert.equal(files[none], undefined, none);
  }
});

test(
  "the commit is the identity, and no more is asked for than it takes",
  { skip },
  async (context) => {
    const { url, commits, asked } = await serveRepository(context);
    const scratch = scratchFolder(context);
    const identity = async (source: string, flags = "") => {
      const remotes = await resolveLine(context, `ADD ${flags}${source} /x`, scratch);
      return remotes.get(source)!.identity;
    };
    assert.match(await identity(`${url}#${commits.second}`), new RegExp(commits.second));
    assert.equal(asked.length, 0);
    const named = await identity(url);
    assert.equal(await identity(`${url}#v2`), named);
    assert.equal(await identity(`${url}#${commits.second}`), named);
    assert.ok(
      !asked.some((path) => path.includes("/objects/") && !path.endsWith("HEAD")),
      `${asked}`,
    );
    const others = [
      await identity(`${url}#v1`),
      await identity(`${url}#v2:sub`),
      await identity(`${url}#v2`, "--keep-git-dir=true "),
    ];
    assert.equal(new Set([named, ...others]).size, 4);
  },
);

test("what a repository does not have is refused", { skip }, async (context) => {
  const { url, commits } = await serveRepository(context);
  const cases: readonly (readonly [string, string, RegExp])[] = [
    [`ADD ${url}#gone /x`, "file-not-found", /x\.git#gone: the repository has no gone/],
    [`ADD ${url}?branch=v1 /x`, "file-not-found", /has no refs\/heads\/v1/],
    [`ADD ${url}#v1:sub /x`, "file-not-found", /the repository has no folder sub/],
    [`ADD ${url}#v1:.git /x`, "file-not-found", /the repository has no folder \.git/],
    [`ADD ${url}#feature/side:to-git /x`, "file-not-found", /has no folder to-git/],
    [`ADD ${url}#v1:../../etc /x`, "file-not-found", /has no folder \.\.\/\.\.\/etc/],
    [`ADD ${url}#${"0".repeat(40)} /x`, "io-failed", /git failed: /],
    [
      `ADD --checksum=${commits.second} ${url}#v1 /x`,
      "digest-mismatch",
      new RegExp(`expected the commit ${commits.second}, found ${commits.first}`),
    ],
    [`ADD --checksum=xyz ${url}#v1 /x`, "dockerfile-invalid", /checksum xyz: expected the commit/],
    [
      `ADD --checksum=ab ${url}?commit=cd /x`,
      "dockerfile-invalid",
      /--checksum=ab and the address/,
    ],
    ["ADD http://127.0.0.1:1/x.git /x", "io-failed", /git failed: fatal: /],
  ];
  for (const [line, code, message] of cases)
    await assert.rejects(addRepository(context, line), { code, message }, line);
  await assert.rejects(resolveLine(context, `ADD ${url} /x`, scratchFolder(context), true), {
    code: "offline",
  });
});

test("without git, a repository cannot be fetched", async (context) => {
  const path = process.env["PATH"];
  process.env["PATH"] = "/nonexistent";
  context.after(() => (process.env["PATH"] = path));
  await assert.rejects(addRepository(context, "ADD http://127.0.0.1:1/x.git /x"), {
    code: "file-not-found",
    message: /x\.git: the program git is needed/,
  });
});

test("a server that can cut the history is asked for one commit", { skip }, async (context) => {
  const folder = scratchFolder(context);
  const [main, part] = ["x.git", "part.git"].map((name) => join(folder, name)) as [string, string];
  for (const each of [main, part]) {
    mkdirSync(each);
    git(each, "init", "--quiet");
    for (const text of ["one", "two"]) {
      writeFileSync(join(each, "foo"), text);
      git(each, "add", ".");
      git(each, "commit", "--quiet", "-m", text);
    }
  }
  const partial = git(part, "rev-parse", "HEAD");
  writeFileSync(join(main, ".gitmodules"), `[submodule "m"]\n\tpath = m\n\turl = ../part.git\n`);
  git(main, "add", ".gitmodules");
  git(main, "update-index", "--add", "--cacheinfo", `160000,${partial},m`);
  git(main, "commit", "--quiet", "-m", "part");
  const first = git(main, "rev-parse", "HEAD~2");
  const url = await serveBackend(context, folder);
  const files = await listTree((await addRepository(context, `ADD ${url}/x.git /`)).snapshot());
  assert.deepEqual(Object.keys(files), [".gitmodules", "foo", "m/", "m/foo"]);
  const without = await addRepository(context, `ADD ${url}/x.git?submodules=0 /`);
  assert.deepEqual(without.list("m"), []);
  const old = await addRepository(context, `ADD ${url}/x.git#${first} /`);
  assert.deepEqual(await listTree(old.snapshot()), { foo: "one" });
  const named = url.replace("://", "://user:secret@");
  const kept = await addRepository(context, `ADD --keep-git-dir=true ${named}/x.git /`);
  const all = await listTree(kept.snapshot());
  assert.equal(all[".git/shallow"], `${git(main, "rev-parse", "HEAD")}\n`);
  assert.equal(all["m/foo"], "two");
  for (const [path, text] of Object.entries(all)) assert.ok(!text.includes("secret"), path);
});
