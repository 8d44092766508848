/** Failures: subjects that were to be scanned and could not be. A report that left them out would look clean. */

export interface ScanFailure {
  /** The subject, as the user named it. */
  readonly name: string;
  /** Of the error, such as `nothing-to-scan`. */
  readonly code: string;
  readonly text: string;
  readonly hint?: string;
}

/** What the text of several reports has beside them. */
export interface ReportOptions {
  /** Of bivy. */
  readonly version: string;
  readonly failures?: readonly ScanFailure[];
}
