/**
 * Ruby gems: the specifications that RubyGems keeps of what is installed. They are Ruby programs in the
 * form that `Gem::Specification#to_ruby` writes; only its lines are read, nothing is evaluated.
 */
import { statedPackage, type StatedPackage } from "./language-package.ts";

const specificationFile = /(?:^|\/)specifications\/(?:default\/)?[^/]+\.gemspec$/;

export function isGemSpecificationFile(path: string): boolean {
  return path.endsWith(".gemspec") && specificationFile.test(path);
}

/** `# stub: name version platform require-paths`, which RubyGems itself reads instead of the program. */
const stub = /^# stub: (\S+) (\S+) (\S+)/m;

/** Undefined where the text states no name and version in a form that is known. */
export function tryParseGemSpecification(text: string): StatedPackage | undefined {
  const [, stubName, stubVersion, stubPlatform] = stub.exec(text) ?? [];
  const name = stubName ?? field(text, "name");
  const version = stubVersion ?? field(text, "version");
  if (version === undefined) return undefined;
  const platform = stubPlatform ?? field(text, "platform") ?? "ruby";
  return statedPackage("gem", {
    name,
    version,
    license: licenses(text),
    qualifiers: { platform: platform === "ruby" ? undefined : platform },
  });
}

function field(text: string, name: string): string | undefined {
  const line = new RegExp(String.raw`^[ \t]{0,16}\w{1,32}\.${name}[ \t]{0,16}=(.*)$`, "m").exec(
    text,
  )?.[1];
  return line === undefined ? undefined : quotedIn(line)[0];
}

function licenses(text: string): string | undefined {
  const line = /^[ \t]{0,16}\w{1,32}\.licenses?[ \t]{0,16}=(.*)$/m.exec(text)?.[1];
  const stated = line === undefined ? [] : quotedIn(line);
  return stated.length === 0 ? undefined : stated.join(" OR ");
}

/** The texts in quotes of a line, such as `["MIT".freeze, "Ruby".freeze]` and `Gem::Version.new("1.0")`. */
function quotedIn(line: string): string[] {
  return [...line.slice(0, 1024).matchAll(/"([^"]*)"|'([^']*)'/g)].map(
    ([, double, single]) => double ?? single!,
  );
}
