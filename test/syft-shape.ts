/** Bills of materials of an inventory as Syft writes them. */
import type { Inventory, PackageNode } from "../src/inventory/index.ts";
import { neededBy, npm, purlOf, reference, shapedPackages, time } from "./shaped-packages.ts";

/** As `syft -o json`, or with `-o cyclonedx-json` or `-o spdx-json`. */
export function syftShaped(
  inventory: Inventory,
  format: "syft" | "cyclonedx" | "spdx" = "syft",
): string {
  const { distribution, image, layers, config } = inventory;
  const { id = "alpine", version = "" } = distribution ?? {};
  const listed = shapedPackages(inventory);
  const idOf = ({ position }: PackageNode) => `${position.toString(16).padStart(16, "0")}`;
  const purl = (node: PackageNode) => {
    const { origin, name } = node.package;
    const upstream = origin === name ? undefined : origin;
    return purlOf(node, inventory, { distro: `${id}-${version}`, upstream });
  };
  // The layer of the database, which is not that of the package.
  const location = { path: "/lib/apk/db/installed", layerID: layers.at(-1)?.diffId };
  const dependencies = listed.flatMap(({ node }) =>
    neededBy(node).map((needed) => ({ needed, node })),
  );
  if (format === "cyclonedx") {
    const ref = (node: PackageNode) => `${purl(node)}&package-id=${idOf(node)}`;
    return JSON.stringify({
      $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
      bomFormat: "CycloneDX",
      specVersion: "1.6",
      serialNumber: "urn:uuid:00000000-0000-4000-8000-000000000000",
      version: 1,
      metadata: {
        timestamp: time,
        tools: {
          components: [{ type: "application", author: "anchore", name: "syft", version: "1.20.0" }],
        },
        component: {
          "bom-ref": "root",
          type: "container",
          name: "app",
          ...(image === undefined ? {} : { version: image.digest }),
          properties: Object.entries(config?.config?.Labels ?? {}).map(([name, value]) => ({
            name: `syft:image:labels:${name}`,
            value,
          })),
        },
      },
      components: [
        ...listed.map(({ node }) => ({
          "bom-ref": ref(node),
          type: "library",
          publisher: node.package.maintainer,
          name: node.package.name,
          version: node.package.version,
          description: node.package.description,
          licenses: [{ license: { id: node.package.license } }],
          purl: purl(node),
          properties: [
            { name: "syft:package:foundBy", value: "apk-db-cataloger" },
            { name: "syft:package:type", value: "apk" },
            { name: "syft:package:metadataType", value: "apk-db-entry" },
            { name: "syft:location:0:layerID", value: location.layerID },
            { name: "syft:location:0:path", value: location.path },
            { name: "syft:metadata:originPackage", value: node.package.origin },
            { name: "syft:metadata:pullChecksum", value: node.package.identity },
          ],
        })),
        { "bom-ref": "npm", type: "library", ...npm },
        {
          "bom-ref": "os:alpine@3",
          type: "operating-system",
          name: id,
          version,
          description: `Alpine Linux v${version}`,
          properties: [
            { name: "syft:distro:id", value: id },
            { name: "syft:distro:prettyName", value: `Alpine Linux v${version}` },
            { name: "syft:distro:versionID", value: version },
          ],
        },
      ],
      dependencies: listed.map(({ node }) => ({
        ref: ref(node),
        dependsOn: neededBy(node).map(ref),
      })),
    });
  }
  if (format === "spdx") {
    const ref = (node: PackageNode) => `SPDXRef-Package-apk-${idOf(node)}`;
    return JSON.stringify({
      spdxVersion: "SPDX-2.3",
      dataLicense: "CC0-1.0",
      SPDXID: "SPDXRef-DOCUMENT",
      name: "app",
      documentNamespace: "https://example.com/syft/image/app",
      creationInfo: {
        created: time,
        creators: ["Organization: Anchore, Inc", "Tool: syft-1.20.0"],
      },
      packages: [
        ...listed.map(({ node }) => ({
          name: node.package.name,
          SPDXID: ref(node),
          versionInfo: node.package.version,
          originator: `Person: ${node.package.maintainer.replace(/<(.*)>/, "($1)")}`,
          downloadLocation: "NOASSERTION",
          filesAnalyzed: false,
          sourceInfo: `acquired package info from APK DB: ${location.path}`,
          licenseConcluded: "NOASSERTION",
          licenseDeclared: node.package.license,
          externalRefs: [reference(purl(node))],
        })),
        {
          name: npm.name,
          SPDXID: "SPDXRef-npm",
          versionInfo: npm.version,
          externalRefs: [reference(npm.purl)],
        },
        {
          name: "app",
          SPDXID: "SPDXRef-DocumentRoot-Image-app",
          ...(image === undefined ? {} : { versionInfo: image.digest }),
          primaryPackagePurpose: "CONTAINER",
        },
      ],
      relationships: [
        {
          spdxElementId: "SPDXRef-DOCUMENT",
          relationshipType: "DESCRIBES",
          relatedSpdxElement: "SPDXRef-DocumentRoot-Image-app",
        },
        ...dependencies.map(({ needed, node }) => ({
          spdxElementId: ref(needed),
          relationshipType: "DEPENDENCY_OF",
          relatedSpdxElement: ref(node),
        })),
      ],
    });
  }
  return JSON.stringify({
    artifacts: [
      ...listed.map(({ node }) => ({
        id: idOf(node),
        name: node.package.name,
        version: node.package.version,
        type: "apk",
        foundBy: "apk-db-cataloger",
        locations: [location],
        licenses: [{ value: node.package.license, type: "declared" }],
        language: "",
        cpes: [],
        purl: purl(node),
        metadataType: "apk-db-entry",
        metadata: {
          package: node.package.name,
          originPackage: node.package.origin,
          maintainer: node.package.maintainer,
          version: node.package.version,
          architecture: node.package.arch,
          description: node.package.description,
          pullChecksum: node.package.identity,
          files: [],
        },
      })),
      { id: "npm", type: "npm", locations: [], licenses: ["WTFPL"], ...npm },
    ],
    artifactRelationships: dependencies.map(({ needed, node }) => ({
      parent: idOf(needed),
      child: idOf(node),
      type: "dependency-of",
    })),
    source: {
      id: "0",
      name: "app",
      type: "image",
      metadata: {
        userInput: "app:1",
        ...(image === undefined ? {} : { manifestDigest: image.digest }),
        layers: layers.map(({ diffId }) => ({ mediaType: "layer", digest: diffId, size: 1 })),
        ...(config === undefined
          ? {}
          : { config: Buffer.from(JSON.stringify(config)).toString("base64") }),
        labels: config?.config?.Labels ?? {},
      },
    },
    distro: {
      prettyName: `Alpine Linux v${version}`,
      name: "Alpine Linux",
      id,
      versionID: version,
    },
    descriptor: { name: "syft", version: "1.20.0" },
    schema: { version: "16.0.24" },
  });
}
