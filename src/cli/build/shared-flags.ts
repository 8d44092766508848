/** The flags of bivy build that mean the same for Dockerfiles and for image configurations. */
import type { RegistryFlags } from "../registry-flags.ts";
import type { SessionFlags } from "../session.ts";

export interface SharedFlags extends SessionFlags, RegistryFlags {
  readonly tag?: readonly string[];
  readonly output?: readonly string[];
  readonly platform?: readonly string[];
  readonly locked?: boolean;
  readonly lock?: string;
  readonly compression: "gzip" | "zstd" | "none";
  readonly format: "text" | "json";
  readonly allowUntrusted?: boolean;
  readonly sbom?: boolean;
  /** The format; true where it is not named. */
  readonly sbomInImage?: string | true;
}
