/** advisory: feeds of known vulnerabilities as data with an age, and the database that keeps them. */
export {
  branchAdvisories,
  type Advisory,
  type BranchAdvisories,
  type NeverAffected,
  type OriginAdvisories,
} from "./branch-advisories.ts";
export { firstSeenOf, openDatabase, type AdvisoryDatabase, type Ranking } from "./database.ts";
export { defaultDatabasePath, openDatabaseStore, type DatabaseStore } from "./database-store.ts";
export { compareDatabases, type ChangedFix, type DatabaseDifference } from "./difference.ts";
export { type ExploitProbability } from "./epss.ts";
export { type FeedAge, type FeedName } from "./feed.ts";
export { type AdvisoryHistory } from "./history.ts";
export { type Exploited } from "./kev.ts";
export { type Rejection } from "./rejections.ts";
export { parseSecdb, type Secdb, type UnreadableFix } from "./secdb.ts";
export { severityLevel, severityLevels, type Severity, type SeverityLevel } from "./severity.ts";
export { folderSource } from "./source/folder-source.ts";
export { httpSource } from "./source/http-source.ts";
export { type FeedSource } from "./source/source.ts";
export { supportEnded, type BranchSupport, type Releases } from "./support.ts";
export {
  allFeeds,
  defaultFeeds,
  updateDatabase,
  type UpdateFailure,
  type UpdateOptions,
  type UpdateResult,
} from "./update.ts";
