/** Bills of materials of an inventory as Trivy writes them. */
import { tryParseChecksum } from "../src/apk/index.ts";
import type { Inventory, PackageNode } from "../src/inventory/index.ts";
import { neededBy, npm, purlOf, reference, shapedPackages, time } from "./shaped-packages.ts";

/** As `trivy image --list-all-pkgs -f json`, or with `-f cyclonedx` or `-f spdx-json`. */
export function trivyShaped(
  inventory: Inventory,
  format: "trivy" | "cyclonedx" | "spdx" = "trivy",
): string {
  const { distribution, layers, config } = inventory;
  const { id = "alpine", version = "" } = distribution ?? {};
  const listed = shapedPackages(inventory);
  const idOf = ({ package: each }: PackageNode) => `${each.name}@${each.version}`;
  // The release without its distribution, and no source package.
  const purl = (node: PackageNode) => purlOf(node, inventory, { distro: version });
  const diffIds = layers.map(({ diffId }) => diffId);
  if (format === "cyclonedx") {
    return JSON.stringify({
      $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
      bomFormat: "CycloneDX",
      specVersion: "1.6",
      version: 1,
      metadata: {
        timestamp: time,
        tools: {
          components: [
            {
              type: "application",
              manufacturer: { name: "Aqua Security Software Ltd." },
              group: "aquasecurity",
              name: "trivy",
              version: "0.58.0",
            },
          ],
        },
        component: {
          "bom-ref": "root",
          type: "container",
          name: "app:1",
          properties: [
            ...diffIds.map((value) => ({ name: "aquasecurity:trivy:DiffID", value })),
            { name: "aquasecurity:trivy:SchemaVersion", value: "2" },
          ],
        },
      },
      components: [
        {
          "bom-ref": "os",
          type: "operating-system",
          name: id,
          version,
          properties: [
            { name: "aquasecurity:trivy:Class", value: "os-pkgs" },
            { name: "aquasecurity:trivy:Type", value: id },
          ],
        },
        ...listed.map(({ node, diffId, digest }) => ({
          "bom-ref": purl(node),
          type: "library",
          supplier: { name: node.package.maintainer },
          name: node.package.name,
          version: node.package.version,
          licenses: [{ license: { name: node.package.license } }],
          purl: purl(node),
          properties: [
            { name: "aquasecurity:trivy:LayerDiffID", value: diffId },
            { name: "aquasecurity:trivy:LayerDigest", value: digest },
            { name: "aquasecurity:trivy:PkgID", value: idOf(node) },
            { name: "aquasecurity:trivy:PkgType", value: id },
            { name: "aquasecurity:trivy:SrcName", value: node.package.origin },
            { name: "aquasecurity:trivy:SrcVersion", value: node.package.version },
          ],
        })),
        { "bom-ref": "npm", type: "library", ...npm },
      ],
      dependencies: listed.map(({ node }) => ({
        ref: purl(node),
        dependsOn: neededBy(node).map(purl),
      })),
    });
  }
  if (format === "spdx") {
    const ref = ({ position }: PackageNode) => `SPDXRef-Package-${position}`;
    const note = (comment: string) => ({
      annotator: "Tool: trivy-0.58.0",
      annotationDate: time,
      annotationType: "OTHER",
      comment,
    });
    return JSON.stringify({
      spdxVersion: "SPDX-2.3",
      dataLicense: "CC0-1.0",
      SPDXID: "SPDXRef-DOCUMENT",
      name: "app:1",
      documentNamespace: "https://example.com/trivy/container_image/app",
      creationInfo: {
        creators: ["Organization: aquasecurity", "Tool: trivy-0.58.0"],
        created: time,
      },
      packages: [
        {
          name: id,
          SPDXID: "SPDXRef-OperatingSystem-0",
          versionInfo: version,
          primaryPackagePurpose: "OPERATING-SYSTEM",
        },
        ...listed.map(({ node, diffId, digest }) => ({
          name: node.package.name,
          SPDXID: ref(node),
          versionInfo: node.package.version,
          supplier: `Person: ${node.package.maintainer.replace(/<(.*)>/, "($1)")}`,
          sourceInfo: `built package from: ${node.package.origin} ${node.package.version}`,
          licenseDeclared: node.package.license,
          externalRefs: [reference(purl(node))],
          annotations: [
            note(`LayerDiffID: ${diffId}`),
            note(`LayerDigest: ${digest}`),
            note(`PkgID: ${idOf(node)}`),
          ],
        })),
        {
          name: "app:1",
          SPDXID: "SPDXRef-ContainerImage-0",
          primaryPackagePurpose: "CONTAINER",
          annotations: diffIds.map((each) => note(`DiffID: ${each}`)),
        },
        {
          name: npm.name,
          SPDXID: "SPDXRef-npm",
          versionInfo: npm.version,
          externalRefs: [reference(npm.purl)],
        },
      ],
      relationships: [
        {
          spdxElementId: "SPDXRef-DOCUMENT",
          relationshipType: "DESCRIBES",
          relatedSpdxElement: "SPDXRef-ContainerImage-0",
        },
        ...listed.flatMap(({ node }) =>
          neededBy(node).map((needed) => ({
            spdxElementId: ref(node),
            relationshipType: "DEPENDS_ON",
            relatedSpdxElement: ref(needed),
          })),
        ),
      ],
    });
  }
  return JSON.stringify({
    SchemaVersion: 2,
    Trivy: { Version: "0.58.0" },
    CreatedAt: time,
    ArtifactName: "app:1",
    ArtifactType: "container_image",
    Metadata: {
      OS: { Family: id, Name: version },
      ImageID: layers[0]?.diffId,
      DiffIDs: diffIds,
      ...(config === undefined ? {} : { ImageConfig: config }),
    },
    Results: [
      {
        Target: `app:1 (${id} ${version})`,
        Class: "os-pkgs",
        Type: id,
        Packages: listed.map(({ node, diffId, digest }) => ({
          ID: idOf(node),
          Name: node.package.name,
          Identifier: { PURL: purl(node), UID: "0" },
          Version: node.package.version,
          Arch: node.package.arch,
          SrcName: node.package.origin,
          SrcVersion: node.package.version,
          Licenses: [node.package.license],
          Maintainer: node.package.maintainer,
          DependsOn: neededBy(node).map(idOf),
          Layer: { Digest: digest, DiffID: diffId },
          Digest: `sha1:${Buffer.from(tryParseChecksum(node.package.identity) ?? []).toString("hex")}`,
        })),
      },
      {
        Target: "Node.js",
        Class: "lang-pkgs",
        Type: "node-pkg",
        Packages: [
          {
            ID: "left-pad@1.3.0",
            Name: npm.name,
            Identifier: { PURL: npm.purl },
            Version: npm.version,
            FilePath: "app/node_modules/left-pad/package.json",
          },
        ],
      },
    ],
  });
}
