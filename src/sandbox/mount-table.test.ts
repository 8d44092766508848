import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "../../test/alpine-root.ts";
import { needs } from "../../test/requirements.ts";
import { openWorkspace } from "../../test/run-bivy.ts";
import { bindLine, formatMountTable } from "./mount-table.ts";

test("fields are escaped as fstab(5) says", () => {
  assert.equal(
    formatMountTable([
      { source: "tmpfs", target: "m", type: "tmpfs", options: ["mode=700", "nosuid"] },
      bindLine("/a b", "c\td\\e#\n", ["ro"]),
    ]),
    "tmpfs m tmpfs mode=700,nosuid 0 0\n/a\\040b c\\011d\\134e\\043\\012 none bind,ro 0 0\n",
  );
});

test(
  "mount(8) reads names of any characters",
  needs({ root: true, tools: ["unshare", "mount"] }),
  (context) => {
    const { folder } = openWorkspace(context);
    const names = [
      "a b",
      "tab\there",
      "new\nline",
      "back\\slash\\040",
      "#comment",
      "co,mma:colon",
      "ö",
      '"q"',
    ];
    const lines = names.map((name) => {
      for (const kind of ["from", "to"]) mkdirSync(join(folder, kind, name), { recursive: true });
      writeFileSync(join(folder, "from", name, "file"), name);
      return bindLine(join(folder, "from", name), join(folder, "to", name));
    });
    const table = join(folder, "table");
    writeFileSync(table, formatMountTable(lines));
    const script = 'mount -n -i -a -T "$1" && shift && cat "$@"';
    const files = names.map((name) => join(folder, "to", name, "file"));
    const words = ["--mount", "--", "sh", "-c", script, "sh", table, ...files];
    const stdout = run("unshare", words);
    assert.equal(stdout, names.join(""));
  },
);
