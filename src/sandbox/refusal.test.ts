import assert from "node:assert/strict";
import { test } from "node:test";
import { isBivyError } from "../base/index.ts";
import type { RuntimeName } from "./execute-request.ts";
import { exitCodeOf } from "./refusal.ts";

/** Runtime, exit code, whether it says that it did not start the command, its last words, the meaning. */
const cases: readonly (readonly [RuntimeName, number, boolean, string, number | "error"])[] = [
  ["crun", 3, false, "executable file `a` not found in $PATH", 3],
  ["crun", 1, true, "executable file `a` not found in $PATH: No such file or directory\n", 127],
  ["crun", 1, true, "open executable: Permission denied\n", 126],
  ["runc", 1, true, 'runc run failed: ... exec: "a": executable file not found in $PATH', 127],
  ["runc", 1, true, 'runc run failed: ... exec: "/etc": is a directory', 126],
  ["runc", 1, true, "runc run failed: exec format error", 126],
  ["runc", 1, true, "runc run failed: unable to start unit", "error"],
  ["crun", 137, true, "", 137],
  ["bwrap", 1, true, "the command says: not found", 1],
  ["bwrap", 1, true, "bwrap: execvp a: No such file or directory\n", 127],
  ["bwrap", 0, true, "bwrap: execvp a: No such file or directory\n", 0],
];

for (const [runtime, code, wasRefused, said, meaning] of cases)
  test(`${runtime} ${code} ${JSON.stringify(said)} is ${meaning}`, () => {
    const work = (): number => exitCodeOf(runtime, code, wasRefused, said);
    if (meaning !== "error") assert.equal(work(), meaning);
    else
      assert.throws(work, (error) => {
        assert.ok(isBivyError(error, "sandbox-unavailable"));
        assert.match(error.message, /^runc did not start the command: .*unable to start unit$/);
        return true;
      });
  });
