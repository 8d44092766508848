/** base: digests, bytes, JSON objects, errors, events, limits, safe paths and quantities in words, for every other folder. */
export * from "./bytes.ts";
export * from "./content.ts";
export * from "./digest.ts";
export * from "./error.ts";
export * from "./events.ts";
export * from "./folders.ts";
export * from "./interruption.ts";
export * from "./json-object.ts";
export * from "./limits.ts";
export * from "./nearest.ts";
export * from "./owner.ts";
export * from "./page-policy.ts";
export * from "./path.ts";
export * from "./quantity.ts";
export * from "./scratch.ts";
