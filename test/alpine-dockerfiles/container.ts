/**
 * Running an image's command: umoci makes a bundle of the image, and runc runs it, without network. Both
 * read the image on their own, so that its config counts too.
 */
import { spawn, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findTool } from "../requirements.ts";
import type { Workspace } from "../run-bivy.ts";

export interface ContainerRequest {
  /** In place of the image's. */
  readonly command?: readonly string[];
  readonly input?: string;
  /** When a command that is still running has printed this, it is stopped. */
  readonly until?: RegExp;
}

export interface ContainerOutcome {
  /** Whether it was running when it was stopped. */
  readonly served: boolean;
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The number of its user. */
  readonly user: number;
}

interface Bundle {
  readonly process: { terminal: boolean; args: readonly string[]; user: { uid: number } };
}

/** No command takes so long; one that serves is stopped then, whatever it has said. */
const longestMilliseconds = 20_000;

/**
 * @param layout an OCI layout in the workspace.
 * @param name of the image in the layout; it is run once at a time.
 */
export async function runImage(
  workspace: Workspace,
  layout: string,
  name: string,
  request: ContainerRequest,
): Promise<ContainerOutcome> {
  const folder = workspace.path(`${name}-bundle`);
  const image = `${workspace.path(layout)}:${name}`;
  const unpacked = await finish("umoci", ["unpack", "--image", image, folder]);
  if (unpacked.exitCode !== 0) throw new Error(`umoci cannot unpack ${name}: ${unpacked.stderr}`);
  const file = join(folder, "config.json");
  const bundle = JSON.parse(readFileSync(file, "utf8")) as Bundle;
  bundle.process.terminal = false;
  if (request.command !== undefined) Object.assign(bundle.process, { args: request.command });
  writeFileSync(file, JSON.stringify(bundle));
  // It may lie in a folder that PATH leaves out.
  const runc = findTool("runc")!;
  // Control groups are not needed, and cannot be made everywhere.
  const words = ["--rootless=true", "--root", workspace.path("runc")];
  const container = `bivy-${process.pid}-${name}`;
  const stop = () =>
    spawnSync(runc, [...words, "kill", container, "KILL"], { stdio: "ignore" }).status === 0;
  const outcome = await finish(
    runc,
    [...words, "run", "--bundle", folder, container],
    request,
    stop,
  );
  return { ...outcome, user: bundle.process.user.uid };
}

/**
 * Waits for a command to end, or stops it when it has said enough.
 *
 * @param stop stops what the command started, so that it ends too; false where there is nothing yet.
 */
function finish(
  command: string,
  words: readonly string[],
  { input = "", until }: ContainerRequest = {},
  stop = () => false,
): Promise<Omit<ContainerOutcome, "user">> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, { stdio: "pipe" });
    const output = { stdout: "", stderr: "" };
    let served = false;
    const stopNow = () => {
      if (served) return;
      served = true;
      if (!stop()) child.kill("SIGKILL");
    };
    const timer = setTimeout(stopNow, longestMilliseconds);
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output.stdout += text;
      if (until?.test(output.stdout) === true) stopNow();
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
    child.on("error", reject);
    child.on("close", (exitCode) => {
      clearTimeout(timer);
      resolve({ served, exitCode, ...output });
    });
    // A command that reads nothing may be gone already.
    child.stdin.on("error", () => undefined).end(input);
  });
}
