/**
 * Provenance: how an image was made from a Dockerfile, as a predicate of SLSA
 * (https://slsa.dev/spec/v1.0/provenance, and v0.2 for readers that know no other). There is no clock in
 * it: the same build gives the same bytes (docs/formats/attestations.md).
 */
import { digestOf, type Digest } from "../../base/index.ts";
import { redactCredentials } from "../../http/index.ts";
import { formatPlatform, type Platform } from "../../oci/index.ts";
import { type BuildArguments } from "../dockerfile/arguments.ts";
import {
  describeCommit,
  resolvedDependencies,
  type Dependencies,
  type ProvenanceCommit,
} from "./dependencies.ts";
import { describeArguments, sortedNames, type ProvenanceMode } from "./parameters.ts";
import { digestSet, predicateTypes, type Predicate } from "./statement.ts";

/** What is known about a build. Of secrets it has the names: their values must not come this far. */
export interface ProvenanceInput extends Dependencies {
  /** That of bivy. */
  readonly version: string;
  /** A URI for who ran the build, such as a job of CI; bivy itself where it is absent. */
  readonly builderId?: string;
  readonly dockerfile: {
    /** Relative to the context of the build. */
    readonly path: string;
    readonly content: Uint8Array;
  };
  /** What the context of the build was, where it is known. */
  readonly source?: ProvenanceCommit;
  /** The stage that was asked for. */
  readonly target?: string;
  readonly platform: Platform;
  readonly buildArguments: BuildArguments;
  /** The names of `--build-context`. */
  readonly contexts: readonly string[];
  /** The ids of `--secret`. */
  readonly secrets: readonly string[];
  /** The ids of `--ssh`. */
  readonly ssh: readonly string[];
  /** Of the stages that were built, in the order of the plan. */
  readonly steps: readonly ProvenanceStep[];
  /** Whether no command had a network and everything that came in is named; undefined if not known. */
  readonly hermetic?: boolean;
}

export interface ProvenanceStep {
  /** The name of the stage, or its number. */
  readonly stage: string;
  /** Of the Dockerfile, from 1. */
  readonly line: number;
  /** As it stands there: expanded, it could hold the value of an argument that is not told. */
  readonly instruction: string;
  /** The diff id of what it made, if that is a layer. */
  readonly layer?: Digest;
}

export interface ProvenanceOptions {
  /** Default `min`. */
  readonly mode?: ProvenanceMode;
  /** Of SLSA; default `v1`. */
  readonly version?: "v1" | "v0.2";
}

/** The kind of build, by the page that says what its parameters mean. */
const buildType = "pkg:npm/bivy?build=dockerfile-v1#docs/formats/attestations.md";

/** The predicate for one image of the build. */
export function describeProvenance(
  input: ProvenanceInput,
  options: ProvenanceOptions = {},
): Predicate {
  const { mode = "min", version = "v1" } = options;
  return version === "v1"
    ? { type: predicateTypes.provenance, text: JSON.stringify(provenance1(input, mode)) }
    : { type: predicateTypes.provenance02, text: JSON.stringify(provenance02(input, mode)) };
}

function provenance1(input: ProvenanceInput, mode: ProvenanceMode): object {
  const { dockerfile, source, platform, hermetic } = input;
  return {
    buildDefinition: {
      buildType,
      externalParameters: {
        dockerfile: { name: dockerfile.path, digest: digestSet(digestOf(dockerfile.content)) },
        ...(source === undefined ? {} : { source: describeCommit(source) }),
        platform: formatPlatform(platform),
        ...parametersOf(input, mode),
      },
      ...(mode === "min" ? {} : { internalParameters: { steps: describeSteps(input) } }),
      resolvedDependencies: resolvedDependencies(input),
    },
    runDetails: {
      builder: { id: builderOf(input), version: { bivy: input.version } },
      metadata: {
        bivy_mode: mode,
        ...(hermetic === undefined ? {} : { bivy_hermetic: hermetic }),
      },
    },
  };
}

function provenance02(input: ProvenanceInput, mode: ProvenanceMode): object {
  const { dockerfile, source, platform, hermetic = false } = input;
  const configSource =
    source === undefined
      ? { digest: digestSet(digestOf(dockerfile.content)) }
      : describeCommit(source);
  return {
    builder: { id: builderOf(input) },
    buildType,
    invocation: {
      configSource: { ...configSource, entryPoint: dockerfile.path },
      parameters: parametersOf(input, mode),
      environment: { platform: formatPlatform(platform) },
    },
    ...(mode === "min" ? {} : { buildConfig: { steps: describeSteps(input) } }),
    metadata: {
      completeness: { parameters: mode === "max", environment: false, materials: hermetic },
      reproducible: false,
    },
    materials: resolvedDependencies(input).map(({ uri, digest }) => ({ uri, digest })),
  };
}

function builderOf({ builderId, version }: ProvenanceInput): string {
  return builderId ?? `pkg:npm/bivy@${version}`;
}

function parametersOf(input: ProvenanceInput, mode: ProvenanceMode): object {
  const { target, buildArguments, contexts, secrets, ssh } = input;
  return {
    ...(target === undefined ? {} : { target }),
    buildArgs: describeArguments(buildArguments, secrets, mode),
    ...(mode === "min"
      ? {}
      : {
          contexts: sortedNames(contexts),
          secrets: sortedNames(secrets),
          ssh: sortedNames(ssh),
        }),
  };
}

function describeSteps({ steps }: ProvenanceInput): readonly object[] {
  return steps.map(({ stage, line, instruction, layer }) => ({
    stage,
    line,
    instruction: redactCredentials(instruction),
    ...(layer === undefined ? {} : { layer: digestSet(layer) }),
  }));
}
