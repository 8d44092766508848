import assert from "node:assert/strict";
import { test } from "node:test";
import { walkTree, DirectoryRoot, TreeRoot, type Root } from "../../tree/index.ts";
import {
  applyYaml,
  attributesAt,
  baselayout,
  installSamples,
  sampleTree,
  temporaryFolder,
  textAt,
} from "../sample-root.test.ts";

const everything = `
accounts:
  groups: [{groupname: web, gid: 80, members: [www]}]
  users: [{username: www, uid: 80, homedir: /srv/www}]
contents:
  repositories: [https://dl-cdn.alpinelinux.org/alpine/v3.20/main]
files:
  - {path: /srv/www/index.html, content: hello, uid: www, gid: web}
paths:
  - {path: /var/run/www, type: directory, permissions: 0o750}
  - {path: /srv/link, type: symlink, source: www}
  - {path: /srv/hard, type: hardlink, source: /srv/www/index.html}
entrypoint:
  type: service-bundle
  services: {www: httpd -f, other: sleep 1}
`;

async function describe(root: Root, paths: readonly string[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const path of paths) {
    const entry = root.lookup(path);
    found[path] =
      entry?.kind === "symlink"
        ? entry.target
        : `${entry?.kind} ${entry?.mode.toString(8)} ${entry?.mtime} ${await textAt(root, path)}`;
  }
  return found;
}

test("services are laid out for s6", async () => {
  const tree = await sampleTree(baselayout);
  await applyYaml(tree, everything);
  assert.equal(await textAt(tree, "sv/www/run"), "#!/bin/execlineb\nhttpd -f\n");
  assert.equal(attributesAt(tree, "sv/www/run"), "file 755 0:0 now");
  assert.equal(attributesAt(tree, "sv/www"), "directory 755 0:0 now");
  assert.deepEqual(tree.list("sv"), ["other", "www"]);
});

test("a service that cannot be laid out names its field", async () => {
  const tree = await sampleTree({ name: "p", files: { sv: "x" } });
  await assert.rejects(applyYaml(tree, everything), {
    message: "i.yaml: entrypoint.services: /sv/other/run: /sv is a file; expected a directory",
  });
});

test("a tree in memory and a directory get the same", async (context) => {
  // The directory belongs to whoever runs the test, and devices need root: neither is compared.
  const files = Object.entries(baselayout.files).filter(([path]) => !path.startsWith("dev"));
  const layout = { ...baselayout, files: Object.fromEntries(files) };
  const tree = new TreeRoot();
  tree.makeDirectory("dev", { mode: 0o755, uid: 0, gid: 0, mtime: 0 });
  await installSamples(tree, [layout]);
  await applyYaml(tree, everything);
  const paths = [...walkTree(tree.snapshot())]
    .map(({ path }) => path)
    .filter((path) => !path.startsWith("dev") && !path.startsWith("lib") && path !== "etc/shadow");
  const directory = new DirectoryRoot(temporaryFolder(context), { owners: false });
  const before = await sampleTree(layout);
  for (const { path, node } of walkTree(before.snapshot()))
    if (node.kind === "directory") directory.makeDirectory(path, node);
    else if (node.kind === "file") await directory.writeFile(path, node, node.content);
    else if (node.kind === "symlink") directory.makeSymlink(path, node.target, node);
  await applyYaml(directory, everything);
  const inTree = await describe(tree, paths);
  const inDirectory = await describe(directory, paths);
  // The date of a directory on disk is that of the last change in it.
  for (const path of paths)
    if (tree.lookup(path)?.kind === "directory") delete inTree[path];
    else assert.equal(inDirectory[path], inTree[path], path);
  assert.ok(Object.keys(inTree).length > 8);
});

test("applying twice gives the same tree", async () => {
  const tree = await sampleTree(baselayout);
  await applyYaml(tree, everything);
  const paths = [...walkTree(tree.snapshot())].map(({ path }) => path);
  const first = await describe(tree, paths);
  await applyYaml(tree, everything);
  assert.deepEqual(
    [...walkTree(tree.snapshot())].map(({ path }) => path),
    paths,
  );
  assert.deepEqual(await describe(tree, paths), first);
});
