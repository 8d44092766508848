/** bivy image: the commands that list, inspect, move and compare images. */
import type { Command } from "commander";
import { addCommands, type LazyCommand } from "./lazy-command.ts";

const commands: readonly LazyCommand[] = [
  { name: "ls", summary: "list the local store", load: () => import("./image/ls.ts") },
  { name: "inspect", summary: "show what an image is", load: () => import("./image/inspect.ts") },
  {
    name: "pull",
    summary: "get an image from its registry into the local store",
    load: () => import("./image/pull.ts"),
  },
  {
    name: "push",
    summary: "put an image of the local store into a registry",
    load: () => import("./image/push.ts"),
  },
  {
    name: "copy",
    summary: "copy an image from any place to any other, digest by digest",
    load: () => import("./image/copy.ts"),
  },
  {
    name: "save",
    summary: "write images to a file that docker load and podman load take",
    load: () => import("./image/save.ts"),
  },
  {
    name: "load",
    summary: "take the images of a file into the local store",
    load: () => import("./image/load.ts"),
  },
  {
    name: "tag",
    summary: "give an image of the local store another name",
    load: () => import("./image/tag.ts"),
  },
  {
    name: "rm",
    summary: "remove images from the local store",
    load: () => import("./image/rm.ts"),
  },
  {
    name: "gc",
    summary: "free what no image of the local store needs any more",
    load: () => import("./image/gc.ts"),
  },
  {
    name: "history",
    summary: "show the instructions that made an image",
    load: () => import("./image/history.ts"),
  },
  {
    name: "diff",
    summary: "compare two images: packages, files, settings, size",
    load: () => import("./image/diff.ts"),
  },
];

/** What docker, podman, skopeo and crane call them. */
const habits = {
  config: "inspect --config",
  cp: "copy",
  delete: "rm",
  digest: "ls --digests",
  export: "save",
  import: "load",
  layers: "history",
  list: "ls",
  manifest: "inspect --raw",
  prune: "gc",
  remove: "rm",
  rmi: "rm",
  show: "inspect",
  tags: "ls docker://NAME",
};

const examples = `Examples:
  $ bivy image pull alpine:3.20
  $ bivy image ls
  $ bivy image inspect alpine:3.20
  $ bivy image copy docker://alpine:3.20 oci:alpine
  $ bivy image save alpine:3.20 -o alpine.tar
  $ bivy image diff alpine:3.19 alpine:3.20
`;

export async function configure(command: Command, words: readonly string[]): Promise<void> {
  command.usage("COMMAND …").addHelpText("before", examples);
  await addCommands(command, commands, words, habits);
}
