/**
 * How fast archives are read and written, beside `gzip -dc` and GNU tar on the same files.
 * Run it with `node bench/archive.ts`.
 */
import { spawnSync } from "node:child_process";
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  gunzip,
  gzip,
  gzipBytes,
  readGzipMembers,
  readTar,
  tarEntries,
  tarHeader,
  unzstd,
  writeTar,
  zstd,
  type TarItem,
} from "../src/archive/index.ts";
import { bytesContent, concatBytes } from "../src/base/index.ts";

const MiB = 1024 * 1024;
const options = { subject: "bench" };

const folder = mkdtempSync(join(tmpdir(), "bivy-bench-"));
try {
  await run();
} finally {
  rmSync(folder, { recursive: true });
}

async function run(): Promise<void> {
  const tar = await collect(writeTar(mixedFiles(10_000, 200 * MiB)));
  const packed = await collect(gzip([tar], { level: 6 }));
  const tarFile = join(folder, "mixed.tar");
  const gzipFile = join(folder, "mixed.tar.gz");
  writeFileSync(tarFile, tar);
  writeFileSync(gzipFile, packed);
  const size = tar.byteLength / MiB;
  console.log(
    `mixed tar: 10,000 files, ${size.toFixed(0)} MiB, gzip ${(packed.byteLength / MiB).toFixed(0)} MiB`,
  );

  const gunzipTime = await fastest(async () => drain(gunzip(file(gzipFile), options)));
  const gzipPeer = peer("gzip", ["-dc", gzipFile]);
  report("gunzip", size / gunzipTime, "MiB/s", "gzip -dc", gzipPeer / gunzipTime);

  const bothTime = await fastest(async () => countEntries(gunzip(file(gzipFile), options)));
  const tarPeer = peer("tar", ["-tzf", gzipFile]);
  report("gunzip + tar", size / bothTime, "MiB/s", "tar -tzf", tarPeer / bothTime);

  const big = await collect(writeTar(mixedFiles(20, 400 * MiB)));
  const bigFile = join(folder, "big.tar");
  writeFileSync(bigFile, big);
  // Contents are passed on without being copied, so this counts what tar itself costs.
  const bigTime = await fastest(async () => readContents(slices(big, 256 * 1024)));
  const bigPeer = peer("tar", ["-xOf", bigFile]);
  report(
    "tar, large files",
    big.byteLength / MiB / 1024 / bigTime,
    "GiB/s",
    "tar -xO",
    bigPeer / bigTime,
  );

  const many = 200_000;
  const small = await collect(writeTar(smallFiles(many)));
  const smallFile = join(folder, "small.tar");
  writeFileSync(smallFile, small);
  const smallTime = await fastest(async () => countEntries(slices(small, 256 * 1024)));
  const smallPeer = peer("tar", ["-tf", smallFile]);
  report(
    "tar, small files",
    many / smallTime / 1000,
    "k entries/s",
    "tar -t",
    smallPeer / smallTime,
  );
  const contentsTime = await fastest(async () => readContents(slices(small, 256 * 1024)));
  report("  with contents", many / contentsTime / 1000, "k entries/s");
  const syncTime = await fastest(async () => {
    let count = 0;
    for (const _ of tarEntries(small, options)) count++;
    return count;
  });
  report("  from memory", many / syncTime / 1000, "k entries/s");
  const writeTime = await fastest(async () => drain(writeTar(smallFiles(many))));
  report("  written", many / writeTime / 1000, "k entries/s");

  const member = gzipBytes(Buffer.alloc(3000, "a small member"));
  const members = concatBytes(Array.from({ length: 1000 }, () => member));
  const membersFile = join(folder, "members.gz");
  writeFileSync(membersFile, members);
  const membersTime = await fastest(async () => {
    let count = 0;
    for await (const { chunks } of readGzipMembers(slices(members, 64 * 1024), options))
      for await (const chunk of chunks()) count += chunk.byteLength;
    return count;
  });
  report(
    "small gzip members",
    membersTime,
    "ms each",
    "gzip -dc",
    peer("gzip", ["-dc", membersFile]) / membersTime,
  );

  const part = tar.subarray(0, 50 * MiB);
  writeFileSync(tarFile, part);
  for (const level of [1, 6]) {
    const time = await fastest(async () => drain(gzip([part], { level })), 1);
    report(
      `gzip -${level}`,
      50 / time,
      "MiB/s",
      `gzip -${level}`,
      peer("gzip", [`-${level}c`, tarFile]) / time,
    );
  }
  const zstdTime = await fastest(async () => drain(zstd([part])));
  report("zstd -3", 50 / zstdTime, "MiB/s", "zstd -3", peer("zstd", ["-3qc", tarFile]) / zstdTime);
  const zstdFile = join(folder, "part.zst");
  writeFileSync(zstdFile, await collect(zstd([part])));
  const unzstdTime = await fastest(async () => drain(unzstd(file(zstdFile), options)));
  report(
    "unzstd",
    50 / unzstdTime,
    "MiB/s",
    "zstd -dc",
    peer("zstd", ["-dqc", zstdFile]) / unzstdTime,
  );
}

/** Files whose contents compress about as well as those of a Linux system. */
function* mixedFiles(count: number, total: number): Generator<TarItem> {
  const node = readFileSync(process.execPath).subarray(0, 64 * MiB);
  const size = Math.floor(total / count);
  for (let index = 0; index < count; index++) {
    const start = (index * size) % (node.byteLength - size);
    const content = bytesContent(node.subarray(start, start + size));
    yield {
      header: tarHeader({ path: `usr/lib/part${index % 50}/file${index}`, type: "file", size }),
      content,
    };
  }
}

function* smallFiles(count: number): Generator<TarItem> {
  const content = bytesContent(Buffer.from("small\n"));
  for (let index = 0; index < count; index++)
    yield {
      header: tarHeader({
        path: `usr/share/some/folder${index % 100}/file${index}`,
        type: "file",
        size: content.size,
        userName: "root",
        groupName: "root",
      }),
      content,
    };
}

function file(path: string): AsyncIterable<Uint8Array> {
  return createReadStream(path, { highWaterMark: 256 * 1024 });
}

function* slices(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return concatBytes(parts);
}

async function drain(chunks: AsyncIterable<Uint8Array>): Promise<number> {
  let size = 0;
  for await (const chunk of chunks) size += chunk.byteLength;
  return size;
}

async function countEntries(
  source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<number> {
  let count = 0;
  for await (const _ of readTar(source, options)) count++;
  return count;
}

async function readContents(source: Iterable<Uint8Array>): Promise<number> {
  let size = 0;
  for await (const entry of readTar(source, options)) size += await drain(entry.chunks());
  return size;
}

/** Seconds of the fastest of some runs. */
async function fastest(work: () => Promise<number>, runs = 3): Promise<number> {
  let best = Infinity;
  for (let index = 0; index < runs; index++) {
    const start = performance.now();
    await work();
    best = Math.min(best, performance.now() - start);
  }
  return best / 1000;
}

/** Seconds that another program takes, or NaN where it is not on the machine. */
function peer(command: string, args: readonly string[]): number {
  let best = Infinity;
  for (let index = 0; index < 3; index++) {
    const start = performance.now();
    const { error, status } = spawnSync(command, args, { stdio: ["ignore", "ignore", "ignore"] });
    if (error !== undefined || status !== 0) return NaN;
    best = Math.min(best, performance.now() - start);
  }
  return best / 1000;
}

function report(what: string, value: number, unit: string, other?: string, ratio?: number): void {
  const figure = value >= 10 ? value.toFixed(0) : value.toFixed(3);
  const beside = other === undefined || Number.isNaN(ratio) ? "" : `${ratio!.toFixed(2)}x ${other}`;
  console.log(`${what.padEnd(20)}${figure.padStart(8)} ${unit.padEnd(12)} ${beside}`);
}
