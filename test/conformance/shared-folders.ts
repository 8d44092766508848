/** The shared data: cases and fixtures, which lie beside the project and are absent in a stranger's clone. */
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const shared = resolve(dirname(fileURLToPath(import.meta.url)), "../../../shared");

export const sharedCases: string = join(shared, "conformance");

/** Real Alpine data. */
export const sharedFixtures: string = join(shared, "fixtures");
