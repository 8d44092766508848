import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMode } from "./mode.ts";

test("a mode changes what a file or a directory has, as chmod(1) with the mask 0", () => {
  const cases: readonly (readonly [text: string, before: number, after: number, kind?: "d"])[] = [
    ["644", 0o755, 0o644],
    ["0", 0o755, 0],
    ["07777", 0o600, 0o7777],
    ["4755", 0o600, 0o4755],
    ["go-w", 0o666, 0o644],
    ["u=rw,g=r,o=r", 0o777, 0o644],
    ["a+X", 0o666, 0o666],
    ["a+X", 0o124, 0o135, "d"],
    ["a+X", 0o610, 0o711],
    ["u+rw,g+r,o-x,o+w", 0o124, 0o766, "d"],
    ["+x", 0o644, 0o755],
    ["+s", 0o755, 0o6755],
    ["u+s", 0o755, 0o4755],
    ["g+s", 0o755, 0o2755],
    ["o+s", 0o755, 0o755],
    ["+t", 0o755, 0o1755],
    ["o+t", 0o755, 0o755],
    ["u+t", 0o755, 0o1755],
    ["-t", 0o1755, 0o755],
    ["u-s", 0o6755, 0o2755],
    ["=", 0o755, 0],
    ["go=", 0o755, 0o700],
    ["g=u", 0o740, 0o770],
    ["go=u-w", 0o740, 0o755],
    ["o-u", 0o757, 0o750],
    ["g+o", 0o704, 0o744],
    ["u=rwX,go=rX", 0o600, 0o644],
    ["u=rwX,go=rX", 0o700, 0o755],
    ["u=rwX,go=rX", 0o600, 0o755, "d"],
    ["ug+rw,o-rwx", 0o007, 0o660],
    ["u+r-x", 0o300, 0o600],
    ["=rw,+X", 0o711, 0o777],
  ];
  for (const [text, before, after, kind] of cases) {
    const changed = parseMode(text).change(before, kind === "d");
    assert.equal(changed.toString(8), after.toString(8), `${text} of ${before.toString(8)}`);
  }
});

test("only an octal mode is one for directories that are made on the way", () => {
  assert.equal(parseMode("0750").octal, 0o750);
  assert.equal(parseMode("u=rwx").octal, undefined);
});

test("what is no mode is refused", () => {
  for (const text of ["64a", "10000", "8", "u", "rwx", "u+y", "u+x,", ",u+x", "u+ug", "x+u", "-1"])
    assert.throws(
      () => parseMode(text),
      { code: "dockerfile-invalid", message: new RegExp(`--chmod=${text.replace("+", "\\+")}: `) },
      text,
    );
});
