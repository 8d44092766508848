/**
 * Proxies: which one, if any, a request goes through, by the variables that curl, wget and Go's tools
 * read: `http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`, in lower or upper case.
 */
import { BlockList, isIP } from "node:net";
import { BivyError } from "../base/index.ts";
import { basicAuthorization, isLoopback, redactCredentials, withoutCredentials } from "./url.ts";

export interface Proxy {
  /** Without credentials. */
  readonly url: URL;
  /** The value of `Proxy-Authorization`. */
  readonly authorization: string | undefined;
}

export type ProxyChooser = (target: URL) => Proxy | undefined;

export function chooseProxies(environment: NodeJS.ProcessEnv): ProxyChooser {
  const isDirect = parseNoProxy(readVariable(environment, "no_proxy")?.value ?? "");
  const parsed = new Map<string, Proxy | undefined>();
  return (target) => {
    const host = hostOf(target);
    // As Go's tools do: a proxy elsewhere cannot know this machine's own servers.
    if (isLoopback(host) || isDirect(host, portOf(target))) return undefined;
    const scheme = target.protocol.slice(0, -1);
    if (!parsed.has(scheme)) {
      const variable =
        readVariable(environment, `${scheme}_proxy`) ?? readVariable(environment, "all_proxy");
      parsed.set(scheme, variable && parseProxy(variable.name, variable.value));
    }
    return parsed.get(scheme);
  };
}

function readVariable(
  environment: NodeJS.ProcessEnv,
  name: string,
): { name: string; value: string } | undefined {
  for (const spelling of [name, name.toUpperCase()]) {
    // A web server passes the header `Proxy:` of its client to CGI programs as HTTP_PROXY.
    if (spelling === "HTTP_PROXY" && environment["REQUEST_METHOD"] !== undefined) continue;
    const value = environment[spelling]?.trim();
    if (value !== undefined && value !== "") return { name: spelling, value };
  }
  return undefined;
}

function parseProxy(name: string, value: string): Proxy {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url === undefined ||
    (url.protocol !== "http:" && url.protocol !== "https:") ||
    url.hostname === ""
  )
    throw new BivyError(
      "config-invalid",
      `${name}: expected a proxy such as http://proxy:3128, found ${JSON.stringify(redactCredentials(text))}`,
      { hint: "Only http and https proxies are supported." },
    );
  return { url: withoutCredentials(url), authorization: basicAuthorization(url) };
}

/** The host without the brackets of an IPv6 literal. */
export function hostOf(url: URL): string {
  return url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname;
}

export function portOf(url: URL): number {
  if (url.port !== "") return Number(url.port);
  return url.protocol === "https:" ? 443 : 80;
}

type DirectRule = (host: string, port: number) => boolean;

/**
 * `no_proxy`: entries separated by commas or white space. `*` is everything; `example.com` is that
 * host and all below it; `.example.com` only what is below; an address, or a range such as 10.0.0.0/8,
 * matches hosts that are written as addresses; `:PORT` after any of them narrows it to the port.
 */
export function parseNoProxy(value: string): DirectRule {
  const rules = value
    .split(/[\s,]+/)
    .filter((entry) => entry !== "")
    .map((entry) => directRule(entry.toLowerCase()));
  return (host, port) => rules.some((rule) => rule(host, port));
}

function directRule(entry: string): DirectRule {
  if (entry === "*") return () => true;
  const range = /^(.+)\/(\d{1,3})$/.exec(entry);
  if (range !== null) return rangeRule(range[1]!, Number(range[2]));
  const { name, port } = splitPort(entry);
  const matches = isIP(name) === 0 ? nameRule(name) : rangeRule(name, isIP(name) === 6 ? 128 : 32);
  return (host, at) => (port === undefined || port === at) && matches(host, at);
}

function splitPort(entry: string): { name: string; port: number | undefined } {
  const match = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d+))?$/.exec(entry);
  // An IPv6 literal without brackets has colons, and no port.
  if (match === null) return { name: entry, port: undefined };
  return {
    name: match[1] ?? match[2]!,
    port: match[3] === undefined ? undefined : Number(match[3]),
  };
}

function nameRule(entry: string): DirectRule {
  const below = entry.startsWith("*.") ? entry.slice(1) : entry;
  if (below.startsWith(".")) return (host) => host.endsWith(below);
  return (host) => host === below || host.endsWith(`.${below}`);
}

function rangeRule(address: string, bits: number): DirectRule {
  const family = isIP(address);
  if (family === 0 || bits > (family === 6 ? 128 : 32)) return () => false;
  const range = new BlockList();
  range.addSubnet(address, bits, family === 6 ? "ipv6" : "ipv4");
  return (host) => {
    const kind = isIP(host);
    return kind !== 0 && range.check(host, kind === 6 ? "ipv6" : "ipv4");
  };
}
