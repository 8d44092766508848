/**
 * Suite dockerfile-lossless: Dockerfiles that must come out of the parser as they went in, byte for
 * byte. Problems in them are told and do not fail the case: a fragment without FROM is a good case.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { decodeName, equalBytes, messageOf } from "../../src/base/index.ts";
import { printSyntax, readDockerfile } from "../../src/dockerfile/index.ts";
import type { CaseResult, Suite } from "./run.ts";

export const suite: Suite = { name: "dockerfile-lossless", defaultPath: "dockerfile-corpus", run };

function* run(path: string): Iterable<CaseResult> {
  if (!statSync(path).isDirectory()) {
    yield runCase(path, basename(path));
    return;
  }
  const files = filesBelow(path);
  const named = files.filter((file) => /dockerfile|containerfile/i.test(basename(file)));
  for (const file of named.length > 0 ? named : files) yield runCase(file, relative(path, file));
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function runCase(file: string, name: string): CaseResult {
  const bytes = readFileSync(file);
  const expected = decodeName(bytes);
  try {
    const { syntax, problems } = readDockerfile(bytes, { subject: name });
    const printed = printSyntax(syntax);
    const notes = problems.map(({ line, column, message }) => `${line}:${column}: ${message}`);
    return {
      name,
      passed: equalBytes(printed, bytes),
      expected,
      found: decodeName(printed),
      notes,
    };
  } catch (error) {
    return { name, passed: false, expected, found: messageOf(error) };
  }
}
