/** why: why a package, file, library or command is in an image, and what brought it. */
export { explanationDocument } from "./document.ts";
export { explain, type ExplainOptions } from "./explain.ts";
export type { Explanation, Meaning, OtherMeaning, PackageReason } from "./explanation.ts";
export { mostCounted, type PathStep, type ReasonPath, type ShortestPaths } from "./paths.ts";
export type { FollowedLink, FormerNode, Place } from "./place.ts";
