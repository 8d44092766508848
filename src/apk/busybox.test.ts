import assert from "node:assert/strict";
import { test } from "node:test";
import { refuses } from "../../test/refusals.ts";
import { emptyRoots, listRoot } from "../../test/root-installation.ts";
import { bytesContent, defaultLimits as limits, encodeText } from "../base/index.ts";
import type { Root } from "../tree/index.ts";
import { makeBusyboxLinks } from "./busybox.ts";
import { makeParents } from "./database.ts";

const attributes = { mode: 0o755, uid: 0, gid: 0, mtime: 0 };

async function write(root: Root, path: string, text: string): Promise<void> {
  makeParents(root, path, 0);
  await root.writeFile(path, attributes, bytesContent(encodeText(text)));
}

test("a link for each applet that is listed and has no file", async (context) => {
  for (const [, root] of emptyRoots(context)) {
    await write(root, "bin/busybox", "elf");
    await write(root, "bin/bash", "elf");
    await write(
      root,
      "etc/busybox-paths.d/busybox",
      "/bin/sh\n/bin/bash\n/usr/bin/wc\n\n  /sbin/ip \n//bin//ls\n/\n",
    );
    await write(root, "etc/busybox-paths.d/extras", "/usr/bin/nc\n/bin/sh\n");
    assert.equal(await makeBusyboxLinks(root, limits, 0), 5);
    const links = (await listRoot(root)).filter((line) => line.includes(" symlink 777 "));
    assert.deepEqual(
      links.map((line) => line.replace(/ symlink 777 \d+:\d+/, "")),
      ["bin/ls", "bin/sh", "sbin/ip", "usr/bin/nc", "usr/bin/wc"].map(
        (path) => `${path} -> /bin/busybox`,
      ),
    );
    assert.equal(await makeBusyboxLinks(root, limits, 0), 0);
  }
});

test("folders that are links are followed inside the root", async (context) => {
  for (const [kind, root] of emptyRoots(context)) {
    await write(root, "usr/bin/busybox", "elf");
    root.makeSymlink("bin", "usr/bin", attributes);
    root.makeSymlink("sbin", "/../../usr/bin", attributes);
    await write(root, "etc/busybox-paths.d/busybox", "/bin/sh\n/sbin/ip\n");
    assert.equal(await makeBusyboxLinks(root, limits, 0), 2, kind);
    assert.deepEqual(root.list("usr/bin"), ["busybox", "ip", "sh"], kind);
  }
});

test("without BusyBox there is nothing to do, without a list nothing is known", async (context) => {
  const [[, root]] = emptyRoots(context) as [readonly [string, Root]];
  await write(root, "etc/busybox-paths.d/busybox", "/bin/sh\n");
  assert.equal(await makeBusyboxLinks(root, limits, 0), 0);
  root.remove("etc/busybox-paths.d/busybox");
  await write(root, "bin/busybox", "elf");
  assert.equal(await makeBusyboxLinks(root, limits, 0), undefined);
});

test("a list cannot place links outside the root", async (context) => {
  for (const [, root] of emptyRoots(context)) {
    await write(root, "bin/busybox", "elf");
    for (const [applet, reason] of [
      ["/../../evil", "climbs out of the root"],
      ["/bin/../../../evil", "climbs out of the root"],
      ["/bin/a\0b", "has a NUL byte in its name"],
      [`/bin/${"x".repeat(300)}`, "has a part longer than 255 bytes"],
    ] as const) {
      await write(root, "etc/busybox-paths.d/busybox", `${applet}\n`);
      const shown = applet.length > 200 ? `${applet.slice(1, 201)}…` : applet.slice(1);
      await refuses(() => makeBusyboxLinks(root, limits, 0), {
        code: "path-unsafe",
        message: `etc/busybox-paths.d: entry ${JSON.stringify(shown)} ${reason}`,
        hint: "damaged or hostile",
      });
    }
    await write(root, "etc/busybox-paths.d/busybox", "/bin/busybox/sh\n");
    await refuses(() => makeBusyboxLinks(root, limits, 0), {
      code: "file-conflict",
      message: "bin/busybox is not a directory",
      hint: "two packages do not fit together",
    });
  }
});
