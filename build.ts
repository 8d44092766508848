/**
 * Compiles src/ to dist/, the JavaScript and the type declarations that are published.
 *
 * `dist` is replaced as a whole, so that no file of an earlier build is ever shipped.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL(".", import.meta.url));
const output = `${root}dist`;

rmSync(output, { recursive: true, force: true });
const compiled = spawnSync(
  process.execPath,
  [`${root}node_modules/typescript/bin/tsc`, "-p", `${root}tsconfig.build.json`],
  { stdio: "inherit" },
);
if (compiled.error !== undefined) throw compiled.error;
if (compiled.status === 0) chmodSync(`${output}/cli/main.js`, 0o755);
process.exitCode = compiled.status ?? 1;
