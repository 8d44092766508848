/**
 * Bills of materials of an inventory in the shapes in which other tools write them: Syft, Trivy and apko,
 * each with its own ways of naming releases, source packages and layers.
 */
import type { Inventory, PackageNode } from "../src/inventory/index.ts";
import { purlOf, reference, shapedPackages, time } from "./shaped-packages.ts";

export { syftShaped } from "./syft-shape.ts";
export { trivyShaped } from "./trivy-shape.ts";

/** As apko embeds it: SPDX in which packages are generated from the build file of their source. */
export function apkoShaped(inventory: Inventory): string {
  const { distribution, image, layers } = inventory;
  const { version = "" } = distribution ?? {};
  const listed = shapedPackages(inventory);
  const ref = ({ position }: PackageNode) => `SPDXRef-Package-${position}`;
  const origins = [...new Set(listed.map(({ node }) => node.package.origin || node.package.name))];
  const unstated = {
    filesAnalyzed: false,
    downloadLocation: "NOASSERTION",
    copyrightText: "NOASSERTION",
  };
  return JSON.stringify({
    SPDXID: "SPDXRef-DOCUMENT",
    name: `sbom-${image?.digest ?? "root"}`,
    spdxVersion: "SPDX-2.3",
    creationInfo: {
      created: time,
      creators: ["Tool: apko (v0.22.0)", "Organization: Chainguard, Inc"],
      licenseListVersion: "3.22",
    },
    dataLicense: "CC0-1.0",
    documentNamespace: "https://spdx.org/spdxdocs/apko/",
    documentDescribes: ["SPDXRef-Package-image"],
    packages: [
      {
        SPDXID: "SPDXRef-Package-image",
        name: image?.digest ?? "root",
        ...(image === undefined ? {} : { versionInfo: image.digest }),
        primaryPackagePurpose: "CONTAINER",
        ...unstated,
      },
      {
        SPDXID: "SPDXRef-Package-layer",
        name: layers[0]?.digest ?? "sha256:0",
        versionInfo: version,
        description: "apko operating system layer",
        primaryPackagePurpose: "OPERATING_SYSTEM",
        ...unstated,
      },
      ...listed.map(({ node }) => ({
        SPDXID: ref(node),
        name: node.package.name,
        versionInfo: node.package.version,
        licenseDeclared: node.package.license,
        originator: "Organization: Alpine",
        sourceInfo: "Package info from apk database",
        externalRefs: [reference(purlOf(node, inventory, { distro: version }))],
        ...unstated,
      })),
      ...origins.map((origin, at) => ({
        SPDXID: `SPDXRef-Source-${at}`,
        name: `${origin}.yaml`,
        versionInfo: "0123456789",
        externalRefs: [reference(`pkg:github/example/os@0123456789#${origin}.yaml`)],
        ...unstated,
      })),
    ],
    relationships: [
      {
        spdxElementId: "SPDXRef-DOCUMENT",
        relationshipType: "DESCRIBES",
        relatedSpdxElement: "SPDXRef-Package-image",
      },
      ...listed.flatMap(({ node }) => [
        {
          spdxElementId: "SPDXRef-Package-layer",
          relationshipType: "CONTAINS",
          relatedSpdxElement: ref(node),
        },
        {
          spdxElementId: ref(node),
          relationshipType: "GENERATED_FROM",
          relatedSpdxElement: `SPDXRef-Source-${origins.indexOf(node.package.origin || node.package.name)}`,
        },
      ]),
    ],
  });
}
