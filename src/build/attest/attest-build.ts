/** Attesting a build: what is inside each image, and how it was made, attached to it. */
import { type Limits } from "../../base/index.ts";
import { readInventory } from "../../inventory/index.ts";
import {
  attachAttestations,
  type Attestation,
  type BlobStore,
  type Image,
  type ImageIndex,
  type Platform,
  type Reference,
} from "../../oci/index.ts";
import { writeSpdx } from "../../sbom/index.ts";
import { type DockerfileBuild } from "../dockerfile/execute/build.ts";
import { type ProvenanceMode } from "./parameters.ts";
import { describeProvenance, type ProvenanceInput } from "./provenance.ts";
import { encodeStatement, imageSubjects, predicateTypes, type Predicate } from "./statement.ts";

export interface AttestOptions {
  readonly sbom: boolean;
  /** Absent: none is attached. */
  readonly provenance?: ProvenanceMode;
  /** What was asked for; the rest is known from the builds. */
  readonly input: Omit<ProvenanceInput, "platform" | "images" | "steps">;
  /** The names that the image gets. */
  readonly references: readonly Reference[];
  readonly blobs: BlobStore;
  readonly limits: Limits;
  readonly signal: AbortSignal;
}

/** An image index of the images and what is said of them, as BuildKit attaches it. */
export async function attestBuilds(
  builds: readonly DockerfileBuild[],
  options: AttestOptions,
): Promise<ImageIndex> {
  const attested = [];
  for (const built of builds) {
    const predicates = [
      ...(options.sbom ? [await bomOf(built, options)] : []),
      ...(options.provenance === undefined
        ? []
        : [provenanceOf(built, options.provenance, options)]),
    ];
    const { image, plan } = built;
    const subjects = imageSubjects(image.digest, plan.target.platform, options.references);
    const attestations = predicates.map((predicate): Attestation => ({
      predicateType: predicate.type,
      statement: encodeStatement(subjects, predicate),
    }));
    attested.push({ image, attestations });
  }
  return attachAttestations(attested, options.blobs);
}

function bomOf(
  { image, files }: DockerfileBuild,
  { input, references, limits, signal }: AttestOptions,
): Promise<Predicate> {
  return describeContents(image, {
    version: input.version,
    time: files.time,
    references,
    limits,
    signal,
  });
}

/** The statement about what is inside an image that was made at a time, in seconds since 1970. */
export async function attestContents(
  image: Image,
  platform: Platform,
  options: ContentsOptions,
): Promise<Attestation> {
  const predicate = await describeContents(image, options);
  const subjects = imageSubjects(image.digest, platform, options.references);
  return { predicateType: predicate.type, statement: encodeStatement(subjects, predicate) };
}

export interface ContentsOptions extends Pick<AttestOptions, "references" | "limits"> {
  /** Of bivy. */
  readonly version: string;
  readonly time: number;
  readonly signal?: AbortSignal;
}

async function describeContents(
  image: Image,
  { version, time, references, limits, signal }: ContentsOptions,
): Promise<Predicate> {
  const [reference] = references;
  const inventory = await readInventory(
    { kind: "image", image },
    {
      subject: image.subject,
      limits,
      inspects: true,
      ...(signal === undefined ? {} : { signal }),
    },
  );
  const text = writeSpdx(inventory, {
    time,
    version,
    phase: "build",
    ...(reference === undefined ? {} : { reference }),
  });
  return { type: predicateTypes.spdx, text };
}

function provenanceOf(
  { plan, images, steps }: DockerfileBuild,
  mode: ProvenanceMode,
  { input }: AttestOptions,
): Predicate {
  return describeProvenance(
    {
      ...input,
      platform: plan.target.platform,
      images: images.flatMap(({ reference, digest, platform }) =>
        reference === undefined ? [] : [{ reference, digest, platform }],
      ),
      steps: steps
        .toSorted((a, b) => a.stage.index - b.stage.index || a.position - b.position)
        .map(({ stage, step, title, made }) => ({
          stage: stage.name ?? String(stage.index),
          line: step.location.line,
          instruction: title,
          layer: made.layer.diffId,
        })),
    },
    { mode },
  );
}
