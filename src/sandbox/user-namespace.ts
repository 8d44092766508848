/**
 * User namespaces: becoming root of a namespace of one's own, so that a plain user can lay out a root
 * and run commands in it (user_namespaces(7), subuid(5)). A process cannot enter one by itself in
 * Node, so the command line starts itself again inside.
 */
import { spawn, spawnSync } from "node:child_process";
import { findTool } from "./tools.ts";

/** Set inside, so that nobody enters twice. */
const marker = "BIVY_USER_NAMESPACE";

const passedOn = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Whether the present process would gain by entering a user namespace. */
export function wantsUserNamespace(): boolean {
  return (
    process.platform === "linux" && process.geteuid?.() !== 0 && process.env[marker] === undefined
  );
}

/**
 * Starts this very command again as root of a user namespace and gives its exit code; undefined where
 * the system allows none. With subordinate ids (newuidmap and /etc/subuid) all owners can be set there;
 * without, one id is mapped, and files stay with it.
 */
export async function runInUserNamespace(): Promise<number | undefined> {
  const unshare = findTool("unshare", process.env["PATH"] ?? "");
  if (unshare === undefined) return undefined;
  const flags = [
    ["--user", "--map-root-user", "--map-auto"],
    ["--user", "--map-root-user"],
  ].find(
    (candidate) =>
      spawnSync(unshare, [...candidate, "--", "true"], { stdio: "ignore" }).status === 0,
  );
  if (flags === undefined) return undefined;
  // Should this process be killed, the one inside stops as if its terminal were closed. It may be told
  // more than once: by each thread that this process has.
  const setpriv = findTool("setpriv", process.env["PATH"] ?? "");
  const tied = setpriv === undefined ? [] : [setpriv, "--pdeathsig", "HUP"];
  return new Promise((resolve) => {
    const child = spawn(
      unshare,
      [...flags, "--", ...tied, process.execPath, ...process.execArgv, ...process.argv.slice(1)],
      {
        stdio: "inherit",
        env: { ...process.env, [marker]: "1" },
      },
    );
    // The child cleans up, and this process waits for it. A terminal sends Ctrl-C to both, others who
    // send a signal know of this process only; SIGTERM for either lets the child tell one from two.
    let wasInterrupted = false;
    const passOn = (signal: NodeJS.Signals) => {
      wasInterrupted ||= signal === "SIGINT";
      child.kill(signal === "SIGHUP" ? "SIGHUP" : "SIGTERM");
    };
    for (const signal of passedOn) process.on(signal, passOn);
    child.on("error", () => resolve(undefined));
    child.on("close", (code, endedBy) => {
      for (const signal of passedOn) process.off(signal, passOn);
      resolve(code ?? (wasInterrupted || endedBy === "SIGINT" ? 130 : 143));
    });
  });
}
