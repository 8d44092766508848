/** Trust: how a server must prove who it is, where that differs from all the others. */

export interface OriginTrust {
  /** PEM text of authorities that are trusted beside those of the client. */
  readonly authorities?: string;
  /** Take any certificate. Whoever stands in between can then read and change everything. */
  readonly unverified?: boolean;
  /** PEM text of what the client itself proves who it is with. */
  readonly identity?: { readonly certificate: string; readonly key: string };
}

/**
 * The trust in a server, by its host and port as `URL.host` has them; it is asked anew for each redirect.
 * Gives the same object for the same server each time, since connections are pooled by it.
 */
export type TrustChooser = (
  host: string,
) => OriginTrust | undefined | Promise<OriginTrust | undefined>;
