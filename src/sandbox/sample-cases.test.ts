/**
 * What every runtime must do with a command, as a table of cases. It has no tests of its own; the name
 * keeps it out of the published package.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { ExecuteRequest, RuntimeName } from "./execute-request.ts";
import { executeIn, samplePath, type Outcome, type Place } from "./sample-execution.test.ts";

export interface SampleCase {
  readonly name: string;
  /** A text is a script for the shell. */
  readonly command: string | readonly string[] | ((place: Place) => readonly string[]);
  readonly request?: Partial<ExecuteRequest> | ((place: Place) => Partial<ExecuteRequest>);
  /** 0 where nothing is said. */
  readonly exitCode?: number;
  /** What it prints on standard output; text without the last line end. */
  readonly prints?: string | RegExp;
  readonly check?: (outcome: Outcome, place: Place, runtime: RuntimeName) => void;
  /** It needs several user ids, or root of the machine. */
  readonly needs?: "ids" | "root";
  readonly not?: readonly RuntimeName[];
}

export async function runCase(
  place: Place,
  runtime: RuntimeName,
  { command, request = {}, exitCode = 0, prints, check }: SampleCase,
): Promise<void> {
  const given = typeof command === "function" ? command(place) : command;
  const words = typeof given === "string" ? ["/bin/sh", "-c", given] : given;
  const changes = typeof request === "function" ? request(place) : request;
  const outcome = await executeIn(place, words, { runtime, ...changes });
  const said = `${outcome.stdout.toString()}${outcome.stderr.toString()}`;
  assert.equal(outcome.exitCode, exitCode, said);
  const printed = outcome.stdout.toString().replace(/\n$/, "");
  if (typeof prints === "string") assert.equal(printed, prints, said);
  else if (prints !== undefined) assert.match(printed, prints);
  check?.(outcome, place, runtime);
}

const other = { uid: 1000, gid: 1001, groups: [27, 1001, 2000] } as const;

/** Docker's set, as the kernel prints it. */
const dockerSet = "00000000a80425fb";

export const sampleCases: readonly SampleCase[] = [
  { name: "passes the exit code", command: "exit 42", exitCode: 42 },
  {
    name: "gives a signal as 128 and its number",
    command: "sh -c 'kill -TERM $$'; exit $?",
    exitCode: 143,
  },
  {
    name: "gives the signal that ended the command itself likewise",
    command: "kill -KILL $$",
    exitCode: 137,
    // There it is the first process of its namespace, which the kernel keeps from its own signals.
    not: ["crun", "runc"],
  },
  {
    name: "passes output unchanged, each stream by itself",
    command: String.raw`printf 'a\0b\377\r\n'; printf 'c' >&2`,
    check: ({ stdout, stderr }) => {
      assert.deepEqual(stdout, Buffer.from([0x61, 0, 0x62, 0xff, 0x0d, 0x0a]));
      assert.equal(stderr.toString(), "c");
    },
  },
  {
    name: "passes all of much output",
    command: "head -c 3000000 /dev/zero",
    check: ({ stdout }) => assert.equal(stdout.byteLength, 3_000_000),
  },
  {
    name: "lets a command open its streams again",
    command: "echo one >/dev/stdout; echo two | tee /dev/stderr",
    prints: "one\ntwo",
    check: ({ stderr }) => assert.equal(stderr.toString(), "two\n"),
  },
  {
    name: "lets another user open its streams again",
    command: "echo one >/dev/stdout; echo two >/dev/stderr",
    request: { user: other },
    needs: "ids",
    prints: "one",
  },
  {
    name: "gives the environment as it is, and nothing else",
    not: ["bwrap"],
    command: ["/usr/bin/env"],
    request: {
      environment: [samplePath, "HOME=/h", "a.b-c=1", "UID=7", "EMPTY=", "TWO=x\ny=z", "IFS=q"],
    },
    prints: `${samplePath}\nHOME=/h\na.b-c=1\nUID=7\nEMPTY=\nTWO=x\ny=z\nIFS=q`,
  },
  {
    name: "keeps variables of loaders from the host's programs",
    command: ["/bin/sh", "-c", 'echo "$LD_LIBRARY_PATH $GLIBC_TUNABLES $LANGUAGE"'],
    request: {
      environment: [
        samplePath,
        "LD_LIBRARY_PATH=/nowhere a",
        "GLIBC_TUNABLES=glibc.malloc.check=3",
        "LANGUAGE=../de",
      ],
    },
    prints: "/nowhere a glibc.malloc.check=3 ../de",
    check: ({ stderr }) => assert.equal(stderr.toString(), ""),
  },
  {
    name: "starts in the folder",
    command: "pwd",
    request: { directory: "/usr/share" },
    prints: "/usr/share",
  },
  {
    name: "inherits no open files and no ignored signals",
    command: "ls /proc/self/fd; grep -E '^Sig(Ign|Blk)' /proc/self/status | cut -f2",
    check: ({ stdout }) => {
      const lines = stdout.toString().trim().split("\n");
      assert.deepEqual(lines.splice(-2), ["0000000000000000", "0000000000000000"]);
      // Node passes on what it was itself started with.
      const inherited = spawnSync("ls", ["/proc/self/fd"], { encoding: "utf8" }).stdout.split("\n");
      assert.deepEqual(
        lines.filter((line) => !inherited.includes(line)),
        [],
      );
    },
  },
  { name: "has the usual mask", command: "umask", prints: "0022" },
  { name: "reads nothing", command: "cat", prints: "" },
  {
    name: "is the user with its groups",
    command:
      "id -u; id -g; id -G | tr ' ' '\\n' | sort -n | tr '\\n' ' '; cat /proc/self/status | grep CapEff",
    request: { user: other },
    needs: "ids",
    prints: /^1000\n1001\n27 1001 2000 CapEff:\s*0000000000000000$/,
  },
  {
    name: "is root with groups",
    command: "id -u; id -G | tr ' ' '\\n' | sort -n | tr '\\n' ' '",
    request: { user: { uid: 0, gid: 0, groups: [1, 2] } },
    needs: "ids",
    prints: "0\n0 1 2 ",
  },
  { name: "has BuildKit's host name", command: "hostname", prints: "buildkitsandbox" },
  {
    name: "has the host name it is given",
    command: "hostname",
    request: { hostname: "a-b.c" },
    prints: "a-b.c",
  },
  {
    name: "without a network has a loopback device that is up",
    command: "tail -n +3 /proc/net/dev | cut -d: -f1; cat /sys/class/net/lo/flags",
    prints: /^\s*lo\n0x9$/,
  },
  {
    name: "with the host's network shares it",
    command: "readlink /proc/self/ns/net",
    request: { network: "host" },
    check: ({ stdout }) =>
      assert.equal(stdout.toString().trim(), readlinkSync("/proc/self/ns/net")),
  },
  {
    name: "shows a secret in memory, and leaves nothing of it",
    command:
      "cat /run/secrets/key; stat -c ' %a %u' /run/secrets/key; grep ' /run/secrets/key ' /proc/self/mountinfo; echo x >/run/secrets/key",
    request: {
      mounts: [
        {
          kind: "file",
          target: "/run/secrets/key",
          content: Buffer.from("s3cret\0\xff", "latin1"),
          mode: 0o400,
          uid: 0,
          gid: 0,
        },
      ],
    },
    exitCode: 1,
    prints: /^s3cret\0\ufffd 400 0\n.*ro,nosuid.* - tmpfs /,
    check: ({ stubs }, place) => {
      assert.deepEqual(stubs, ["run/secrets", "run/secrets/key"]);
      assert.deepEqual(filesWith(place.folder, "s3cret"), []);
      for (const stub of stubs.toReversed()) {
        const path = join(place.upper, stub);
        if (lstatSync(path).isDirectory()) rmdirSync(path);
        else unlinkSync(path);
      }
      assert.deepEqual(readdirSync(join(place.upper, "run")), []);
    },
  },
  {
    name: "gives a secret to its owner",
    command: "cat /run/key; stat -c ' %a %u %g' /run/key",
    request: {
      user: other,
      mounts: [
        {
          kind: "file",
          target: "/run/key",
          content: Buffer.from("k"),
          mode: 0o440,
          uid: 1000,
          gid: 1001,
        },
      ],
    },
    needs: "ids",
    prints: "k 440 1000 1001",
  },
  {
    name: "runs a script of a mount in /dev, which leaves no stub",
    command: ["/dev/pipes/EOF"],
    request: {
      mounts: [
        {
          kind: "file",
          target: "/dev/pipes/EOF",
          content: Buffer.from("#!/bin/sh\necho from $0\n"),
          mode: 0o755,
          uid: 0,
          gid: 0,
        },
      ],
    },
    prints: "from /dev/pipes/EOF",
    check: ({ stubs }) => assert.deepEqual(stubs, []),
  },
  {
    name: "mounts memory of a size and mode",
    command:
      "df -k /scratch | tail -1 | tr -s ' ' | cut -d' ' -f2; stat -c %a /scratch; head -c 2000000 /dev/zero >/scratch/big",
    request: { mounts: [{ kind: "tmpfs", target: "/scratch", size: 1 << 20, mode: 0o750 }] },
    exitCode: 1,
    prints: "1024\n750",
    check: ({ stubs }) => assert.deepEqual(stubs, ["scratch"]),
  },
  {
    name: "mounts folders of the host, whatever their names",
    command: "cat /in/a; echo new >/in/b; cat '/x:y, z/a'; touch '/x:y, z/c'; echo $?",
    request: ({ folder }) => {
      const source = join(folder, "a b:c,d\\e");
      mkdirSync(source);
      writeFileSync(join(source, "a"), "one\n");
      return {
        mounts: [
          { kind: "bind", source, target: "/in", readOnly: false },
          { kind: "bind", source, target: "/x:y, z", readOnly: true },
        ],
      };
    },
    prints: "one\none\n1",
    check: ({ stubs }, { folder }) => {
      assert.deepEqual(stubs, ["in", "x:y, z"]);
      assert.deepEqual(readdirSync(join(folder, "a b:c,d\\e")), ["a", "b"]);
    },
  },
  {
    name: "mounts a file of the host over one of the image",
    command: "cat /etc/motd; echo more >>/etc/motd",
    request: ({ folder }) => {
      writeFileSync(join(folder, "motd"), "hello\n");
      return {
        mounts: [
          { kind: "bind", source: join(folder, "motd"), target: "/etc/motd", readOnly: true },
        ],
      };
    },
    exitCode: 1,
    prints: "hello",
    check: ({ stubs }) => assert.deepEqual(stubs, []),
  },
  {
    name: "mounts what lies in a union, and discards what is written",
    command:
      "cat /ctx/a /ctx/b /file; echo w >/ctx/a; rm /ctx/b; ls /ctx; cat /ctx/a; echo x >/ro/a",
    request: ({ folder }) => {
      for (const name of ["one", "two", "up1", "up2", "up3", "wk1", "wk2", "wk3"])
        mkdirSync(join(folder, name));
      for (const name of ["one/src", "two/src"]) mkdirSync(join(folder, name));
      writeFileSync(join(folder, "one/src/a"), "1a\n");
      writeFileSync(join(folder, "two/src/a"), "2a\n");
      writeFileSync(join(folder, "two/src/b"), "2b\n");
      const union = (number: number, subpath: string, target: string, readOnly: boolean) =>
        ({
          kind: "overlay",
          lowers: [join(folder, "one"), join(folder, "two")],
          subpath,
          target,
          readOnly,
          upper: join(folder, `up${number}`),
          work: join(folder, `wk${number}`),
        }) as const;
      return {
        mounts: [
          union(1, "src", "/ctx", false),
          union(2, "src/b", "/file", false),
          union(3, "src", "/ro", true),
        ],
      };
    },
    exitCode: 1,
    prints: "1a\n2b\n2b\na\nw",
    check: (_, { folder }) => {
      assert.equal(readFileSync(join(folder, "one/src/a"), "utf8"), "1a\n");
      assert.equal(readFileSync(join(folder, "up1/src/a"), "utf8"), "w\n");
    },
  },
  {
    name: "mounts in what was mounted before",
    command: "cat /cache/deep/key /mem/key; echo x >/cache/kept",
    request: ({ folder }) => {
      mkdirSync(join(folder, "cache"));
      const key = {
        kind: "file",
        content: Buffer.from("k\n"),
        mode: 0o444,
        uid: 0,
        gid: 0,
      } as const;
      return {
        mounts: [
          { kind: "bind", source: join(folder, "cache"), target: "/cache", readOnly: false },
          { ...key, target: "/cache/deep/key" },
          { kind: "tmpfs", target: "/mem" },
          { ...key, target: "/mem/key" },
        ],
      };
    },
    prints: "k\nk",
    check: ({ stubs }, { folder }) => {
      assert.deepEqual(stubs, ["cache", "mem"]);
      assert.equal(readFileSync(join(folder, "cache/deep/key"), "utf8"), "");
    },
  },
  {
    name: "mounts on a folder named root",
    command: "cd /root; cat a",
    request: ({ folder }) => {
      mkdirSync(join(folder, "home"));
      writeFileSync(join(folder, "home/a"), "a\n");
      return {
        mounts: [{ kind: "bind", source: join(folder, "home"), target: "/root", readOnly: true }],
      };
    },
    prints: "a",
  },
  {
    name: "records what was removed and replaced",
    command: "rm /etc/motd; rm -r /etc/apk; mkdir /etc/apk; echo new >/etc/new; chmod 700 /srv",
    check: (_, { upper }) => {
      const motd = lstatSync(join(upper, "etc/motd"));
      assert.ok(motd.isCharacterDevice());
      assert.equal(motd.rdev, 0);
      assert.deepEqual(readdirSync(join(upper, "etc/apk")), []);
      assert.equal(readFileSync(join(upper, "etc/new"), "utf8"), "new\n");
      assert.equal(lstatSync(join(upper, "srv")).mode & 0o7777, 0o700);
      assert.deepEqual(readdirSync(upper).toSorted(), ["etc", "srv"]);
    },
  },
  {
    name: "keeps Docker's capabilities and no more",
    command: "grep -E '^Cap(Eff|Bnd)' /proc/self/status | cut -f2",
    check: ({ stdout }, _, runtime) => {
      const [effective, bounding] = stdout.toString().trim().split("\n");
      assert.equal(effective, dockerSet);
      // bubblewrap forbids new privileges instead of bounding them.
      if (runtime !== "bwrap") assert.equal(bounding, dockerSet);
    },
  },
  {
    name: "cannot change the kernel's settings",
    command:
      "for file in /proc/sys/kernel/hostname /proc/irq/x /sys/kernel/x; do echo a >$file; done; " +
      "mount -t tmpfs tmpfs /mnt; cat /proc/keys /proc/timer_list; ls /sys/firmware; cat /proc/sys/kernel/hostname",
    prints: "buildkitsandbox",
    check: ({ stderr }) => assert.match(stderr.toString(), /(Read-only file system[^]*){2}/),
  },
  {
    name: "cannot reach the host by its first process",
    command: ({ folder }) => [
      "/bin/sh",
      "-c",
      "for at in root cwd; do test -e /proc/1/$at$0 && echo $at; done; cat /proc/1/environ; true",
      folder,
    ],
    check: ({ stdout }) => assert.doesNotMatch(stdout.toString(), /root\n|cwd\n|LIBMOUNT/),
  },
  {
    name: "cannot open a disk by a node of its own",
    command:
      "for at in /tmp /dev /dev/shm /mem; do mknod $at/disk b 254 0 && head -c 1 $at/disk && echo opened; done; true",
    request: { mounts: [{ kind: "tmpfs", target: "/mem" }] },
    needs: "root",
    prints: "",
    check: ({ stderr }) => assert.equal(stderr.toString().match(/denied|permitted/g)?.length, 4),
  },
  {
    name: "has no file system on which device nodes work and can be made",
    command: "grep -E ' - (overlay|tmpfs|ext4) ' /proc/self/mountinfo",
    request: ({ folder }) => ({
      mounts: [
        { kind: "tmpfs", target: "/mem" },
        { kind: "bind", source: folder, target: "/in", readOnly: false },
      ],
    }),
    check: ({ stdout }) => {
      const lines = stdout.toString().trim().split("\n");
      const writable = lines.filter((line) => / rw\b/.test(line.split(" - ")[0]!));
      assert.ok(writable.length >= 5, "/, /dev, /dev/shm, /mem and /in");
      assert.deepEqual(
        writable.filter((line) => !line.split(" - ")[0]!.includes("nodev")),
        [],
      );
    },
  },
  {
    name: "has the devices that commands use",
    command:
      "echo x >/dev/null; head -c 4 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c; echo y >/dev/shm/z; cat /dev/shm/z; " +
      "echo x 2>&1 >/dev/full | grep -c 'No space'; exec 3<>/dev/ptmx; ls /dev/pts; ls -d /dev/fd/0 /dev/mqueue; ls /dev | tr '\\n' ' '",
    prints:
      "4\n4\ny\n1\n0\nptmx\n/dev/fd/0\n/dev/mqueue\ncore fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero ",
  },
  {
    name: "lets set-user-id programs work",
    command: "for apk in /sbin/apk /bin/as-root; do $apk info -e musl 2>/dev/null || echo no; done",
    request: ({ folder, lower }) => {
      // Only root can read what is asked for.
      const layer = join(folder, "layer");
      mkdirSync(join(layer, "lib/apk/db"), { recursive: true });
      mkdirSync(join(layer, "bin"));
      copy(join(lower, "lib/apk/db/installed"), join(layer, "lib/apk/db/installed"), 0o600);
      copy(join(lower, "sbin/apk"), join(layer, "bin/as-root"), 0o4755);
      return { lowers: [layer, lower], user: other };
    },
    needs: "ids",
    not: ["bwrap"],
    prints: "no\nmusl",
  },
  {
    name: "says that a command is missing",
    command: ["nosuch-program", "a"],
    exitCode: 127,
    check: ({ stderr }) =>
      assert.match(stderr.toString(), /nosuch-program.*(not found|No such file)/),
  },
  { name: "says that a path is missing", command: ["/bin/nosuch"], exitCode: 127 },
  {
    name: "says that a file is not a program",
    command: ["/etc/passwd"],
    exitCode: 126,
    check: ({ stderr }) => assert.match(stderr.toString(), /ermission denied/),
  },
  {
    name: "finds a program in the path of the environment",
    command: ["tool"],
    request: ({ folder, lower }) => {
      const tools = join(folder, "tools");
      mkdirSync(join(tools, "opt/tools"), { recursive: true });
      writeFileSync(join(tools, "opt/tools/tool"), "#!/bin/sh\necho found\n", { mode: 0o755 });
      return { lowers: [tools, lower], environment: ["PATH=/opt/tools:/bin"] };
    },
    prints: "found",
  },
  {
    name: "runs the one program of an image that has no shell",
    command: ["/busybox", "echo", "hi"],
    request: ({ folder, lower }) => {
      const bare = join(folder, "bare");
      mkdirSync(join(bare, "lib"), { recursive: true });
      for (const [from, to] of [
        ["lib/ld-musl-x86_64.so.1", "lib/ld-musl-x86_64.so.1"],
        ["bin/busybox", "busybox"],
      ] as const)
        copy(join(lower, from), join(bare, to), 0o755);
      return { lowers: [bare] };
    },
    prints: "hi",
    check: ({ stubs }) => assert.deepEqual(stubs, ["proc", "sys", "dev"]),
  },
  {
    name: "shows the union of 200 folders, whatever their names",
    command: "ls /many | wc -l; cat /which",
    request: ({ folder, lower }) => {
      const long = "x".repeat(60);
      const lowers = Array.from({ length: 199 }, (_, index) =>
        join(folder, `a b:c,d\\e ${long} ${index}`),
      );
      for (const [index, layer] of lowers.entries()) {
        mkdirSync(join(layer, "many"), { recursive: true });
        writeFileSync(join(layer, "many", `${index}`), "");
        writeFileSync(join(layer, "which"), `${index}\n`);
      }
      return { lowers: [...lowers, lower] };
    },
    prints: "199\n0",
  },
  {
    name: "takes away processes that nobody waits for",
    command: "sh -c 'sleep 0.05 & echo $! >/tmp/pid'; sleep 0.3; kill -0 $(cat /tmp/pid)",
    exitCode: 1,
  },
  {
    name: "ends what a command leaves running",
    command: "setsid sleep 4242 >/dev/null 2>&1 </dev/null & exit 3",
    exitCode: 3,
  },
  {
    name: "as privileged has all powers",
    command:
      "mount -t tmpfs tmpfs /mnt && echo mounted; test -f /proc/keys && echo shown; grep Seccomp: /proc/self/status | cut -f2",
    request: { privileged: true },
    prints: "mounted\nshown\n0",
  },
  {
    name: "confines system calls",
    command: "grep Seccomp: /proc/self/status | cut -f2; unshare -U true",
    not: ["unshare", "bwrap"],
    exitCode: 1,
    prints: "2",
  },
  { name: "refuses new namespaces of mounts", command: "unshare -m true", exitCode: 1 },
];

function copy(from: string, to: string, mode: number): void {
  writeFileSync(to, readFileSync(from));
  chmodSync(to, mode);
}

/** Files below a folder, on the same file systems, that hold a text. */
function filesWith(folder: string, text: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesWith(path, text);
    return entry.isFile() && readFileSync(path).includes(text) ? [path] : [];
  });
}
