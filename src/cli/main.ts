#!/usr/bin/env node
/** main: where the command line begins. What costs time to load is loaded only by the command that needs it. */
import { readFileSync } from "node:fs";
import { printNote, printResult } from "./term/streams.ts";

const [first, ...more] = process.argv.slice(2);

if (first === "--version" && more.length === 0) {
  const file = new URL("../../package.json", import.meta.url);
  const { version } = JSON.parse(readFileSync(file, "utf8")) as { version: string };
  printResult(`bivy ${version}`);
} else if (isOldNode(process.versions.node)) {
  printNote(`error: bivy needs Node.js 22.18 or newer, and this is ${process.versions.node}`);
  process.exitCode = 3;
} else {
  const { runProgram } = await import("./program.ts");
  process.exitCode = await runProgram(process.argv);
}

function isOldNode(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major < 22 || (major === 22 && minor < 18);
}
