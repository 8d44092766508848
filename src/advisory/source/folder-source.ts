/**
 * A folder that mirrors the feeds: `v3.19/main.json` (at its top, or below `secdb`) and the other files
 * under the names that their servers give them.
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileContent, fileError } from "../../base/index.ts";
import type { FeedSource } from "./source.ts";

const branchForm = /^(?:edge|v\d+\.\d+)$/;

export async function folderSource(folder: string): Promise<FeedSource> {
  const names = await namesIn(folder);
  const inSecdb = names.includes("secdb") ? await namesIn(join(folder, "secdb")) : [];
  const tops = [
    ...names.map((name) => [name, join(folder, name)] as const),
    ...inSecdb.map((name) => [name, join(folder, "secdb", name)] as const),
  ];
  return {
    subject: folder,
    async fetch({ names: wanted }) {
      for (const each of wanted) {
        const [first = "", ...rest] = each.split("/");
        const form = new RegExp(`^${first.replaceAll(/[.+]/g, "\\$&").replaceAll("*", ".*")}$`);
        for (const [name, path] of tops) {
          if (!form.test(name)) continue;
          const file = join(path, ...rest);
          const facts = await stat(file).catch(() => undefined);
          if (facts?.isFile() !== true) continue;
          const content = fileContent(file, facts.size);
          return { content, url: file, fetched: Math.floor(facts.mtimeMs / 1000) };
        }
      }
      return undefined;
    },
    async listBranches() {
      return [...new Set(tops.map(([name]) => name).filter((name) => branchForm.test(name)))];
    },
  };
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    throw fileError(error, "reading", folder);
  }
}
