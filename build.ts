/**
 * Compiles src/ to dist/, which is what is published: JavaScript and type declarations, file by file;
 * the command line is bundled into a few files, because what it costs to start is reading modules.
 *
 * `dist` is replaced as a whole, so that no file of an earlier build is ever shipped.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const root = fileURLToPath(new URL(".", import.meta.url));
const output = `${root}dist`;

if (import.meta.main) process.exitCode = await compile();

async function compile(): Promise<number> {
  rmSync(output, { recursive: true, force: true });
  const compiled = spawnSync(
    process.execPath,
    [`${root}node_modules/typescript/bin/tsc`, "-p", `${root}tsconfig.build.json`],
    { stdio: "inherit" },
  );
  if (compiled.error !== undefined) throw compiled.error;
  if (compiled.status !== 0) return compiled.status ?? 1;
  rmSync(`${output}/cli`, { recursive: true });
  await bundle(`${root}src/cli/main.ts`, `${output}/cli`);
  describeFolder(`${output}/cli`);
  chmodSync(`${output}/cli/main.js`, 0o755);
  return 0;
}

/**
 * Says beside the files what they are: for each one that it loads Node looks for the nearest
 * package.json, and does not remember where there was none.
 */
function describeFolder(folder: string): void {
  const { version } = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as {
    readonly version: string;
  };
  writeFileSync(`${folder}/package.json`, `${JSON.stringify({ version, type: "module" })}\n`);
}

/**
 * Bundles a program into a folder: one file with what it always needs, and others with what it loads
 * only when it is called for. Packages that it depends on stay outside.
 */
export async function bundle(program: string, folder: string): Promise<void> {
  await build({
    input: program,
    platform: "node",
    external: /^[a-z@]/,
    output: { dir: folder, cleanDir: false },
    logLevel: "warn",
  });
}
