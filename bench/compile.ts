/** Compile: a program of bench/programs as bivy's own command line is compiled. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "../build.ts";

/** Puts the compiled program into a folder and gives its path. */
export async function compileProgram(name: string, folder: string): Promise<string> {
  await bundle(fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url)), folder);
  return join(folder, `${name}.js`);
}
