/**
 * A registry in this process, after the OCI distribution-spec 1.1: strict, in memory, with a log of
 * all requests, and with faults on demand. Beside it stand a token server and a storage server, each
 * on a host of its own, so that what leaks from one host to another shows.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { refusal, send, type Answer } from "./registry-server/answer.ts";
import {
  basicAuthorization,
  bearerAuthorization,
  openToAll,
  type Access,
  type Action,
  type Authorization,
  type AuthorizationOptions,
} from "./registry-server/authorization.ts";
import { beginUpload, serveBlob, serveUpload, type BlobOptions } from "./registry-server/blobs.ts";
import { serverIdentity } from "./registry-server/certificate.ts";
import { emptyContents, type Contents } from "./registry-server/contents.ts";
import { FaultPlan, type Fault, type FaultRule } from "./registry-server/faults.ts";
import {
  serveManifest,
  serveReferrers,
  serveTags,
  type ManifestOptions,
} from "./registry-server/manifests.ts";
import {
  openRequest,
  type LoggedRequest,
  type RegistryRequest,
  type ServerName,
} from "./registry-server/request.ts";

export interface RegistryServerOptions
  extends
    Partial<Omit<BlobOptions, "location" | "uploadLocation">>,
    Partial<Omit<ManifestOptions, "location">> {
  /** Default: nobody is asked who they are. */
  readonly authorization?: AuthorizationOptions;
  /** Whether it speaks TLS, with a certificate of the authority `ca`. */
  readonly secure?: boolean;
  /** How a Location or Link is written; default relative, a path. */
  readonly locations?: "relative" | "absolute";
  /** Whether GET of a blob is redirected to the storage server. */
  readonly storesElsewhere?: boolean;
  /** Whether uploads go to the storage server. */
  readonly uploadsElsewhere?: boolean;
}

export interface RegistryServer {
  /** Host and port, as in a reference. */
  readonly host: string;
  /** Without a slash at the end. */
  readonly url: string;
  readonly storageUrl: string;
  readonly tokenUrl: string;
  /** PEM text of the authority that signed its certificate. */
  readonly ca: string | undefined;
  readonly contents: Contents;
  /** All requests to the three servers, in the order in which they came. */
  readonly requests: readonly LoggedRequest[];
  /** Of the registry itself, as `METHOD path`, the digests shortened; for a look at what was asked. */
  story(): string[];
  fault(rule: FaultRule, fault: Fault): void;
  /** The rules of faults that have not struck yet. */
  idleFaults(): FaultRule[];
  /** Forgets all faults and the log. */
  heal(): void;
  /** Ends all bearer tokens that were given so far. */
  expireTokens(): void;
  /** Passwords and tokens; no host but those that they are meant for may see one. */
  secrets(): readonly string[];
}

export async function startRegistry(
  context: TestContext,
  options: RegistryServerOptions = {},
): Promise<RegistryServer> {
  const contents = emptyContents();
  const plan = new FaultPlan();
  const requests: LoggedRequest[] = [];
  const urls: Record<ServerName, string> = { registry: "", token: "", storage: "" };
  const authorization = openAuthorization(options.authorization, () => `${urls.token}/token`);
  const expireTokens = () => authorization.expireTokens();
  const handle = registryHandler(options, contents, authorization, urls);

  const listener =
    (server: ServerName) => async (incoming: IncomingMessage, response: ServerResponse) => {
      const { request, logged, breakBodyAfter } = openRequest(server, incoming);
      requests.push(logged);
      const fault = plan.take(request);
      if (fault?.breaksRequestAfter !== undefined) breakBodyAfter(fault.breaksRequestAfter);
      try {
        const instead = fault?.instead?.(request, { contents, expireTokens });
        const answer = instead ?? (await handle(request));
        const changed = fault?.change?.(answer, request) ?? answer;
        if ((changed.delivery?.breaksAfter ?? 0) >= 0) logged.status = changed.status;
        await send(response, request.method, changed);
      } catch {
        response.destroy();
      }
    };
  const identity = options.secure === true ? serverIdentity() : undefined;
  const hosts: Record<ServerName, string> = {
    registry: "127.0.0.1",
    token: "localhost",
    storage: "127.0.0.2",
  };
  for (const name of ["registry", "token", "storage"] as const) {
    const server =
      identity === undefined
        ? createServer(listener(name))
        : createSecureServer(identity, listener(name));
    await new Promise<void>((resolve) => server.listen(0, hosts[name], resolve));
    context.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    urls[name] = `${identity === undefined ? "http" : "https"}://${hosts[name]}:${port}`;
  }

  return {
    host: new URL(urls.registry).host,
    url: urls.registry,
    storageUrl: urls.storage,
    tokenUrl: urls.token,
    ca: identity?.ca,
    contents,
    requests,
    story: () => requests.filter(({ server }) => server === "registry").map(shortLine),
    fault: (rule, fault) => plan.add(rule, fault),
    idleFaults: () => plan.idle(),
    heal() {
      plan.clear();
      requests.length = 0;
    },
    expireTokens,
    secrets: () => authorization.secrets(),
  };
}

function openAuthorization(
  options: AuthorizationOptions | undefined,
  realm: () => string,
): Authorization {
  if (options === undefined) return openToAll;
  return options.kind === "basic"
    ? basicAuthorization(options)
    : bearerAuthorization(options, realm);
}

function shortLine({ method, path }: LoggedRequest): string {
  const short = path
    .replace(/(sha256:[0-9a-f]{6})[0-9a-f]{58}/, "$1")
    .replace(/(uploads)\/[0-9a-f-]{36}$/, "$1/ID");
  return `${method} ${short}`;
}

type Handler = (request: RegistryRequest) => Promise<Answer>;

/** What a registry, a token server and a storage server answer when nothing goes wrong. */
function registryHandler(
  options: RegistryServerOptions,
  contents: Contents,
  authorization: Authorization,
  urls: Readonly<Record<ServerName, string>>,
): Handler {
  const location = (path: string) =>
    options.locations === "absolute" ? `${urls.registry}${path}` : path;
  const blobOptions: BlobOptions = {
    ranges: true,
    mounts: true,
    singlePost: true,
    deletes: true,
    keepsBrokenChunks: true,
    ...options,
    location,
    uploadLocation: (path) =>
      options.uploadsElsewhere === true ? `${urls.storage}${signed(path)}` : location(path),
  };
  const manifestOptions: ManifestOptions = {
    deletes: true,
    referrers: true,
    filters: true,
    pageSize: 1000,
    ...options,
    location,
  };

  const serve = async (request: RegistryRequest, { name, kind, rest }: Route): Promise<Answer> => {
    switch (kind) {
      case "uploads":
        if (rest === "")
          return request.method === "POST"
            ? beginUpload(request, contents, name, blobOptions)
            : refusal(405, "UNSUPPORTED");
        return serveUpload(request, contents, name, rest, blobOptions);
      case "blobs":
        return serveBlob(request, contents, name, rest, blobOptions);
      case "manifests":
        return serveManifest(request, contents, name, rest, manifestOptions);
      case "tags":
        return serveTags(request, contents, name, manifestOptions);
      case "referrers":
        return serveReferrers(request, contents, name, rest, manifestOptions);
    }
  };

  return async (request) => {
    const { server, method, path, query, headers } = request;
    if (server === "token")
      return path === "/token" ? authorization.issue(request) : refusal(404, "UNSUPPORTED");
    const route = parseRoute(path);
    if (server === "storage") {
      // As S3 does, which takes a signature in the URL or in a header, and not both.
      if (headers.authorization !== undefined) return refusal(400, "UNSUPPORTED");
      if (route === undefined || query.get("signature") !== "valid") return refusal(403, "DENIED");
      return serve(request, route);
    }
    const access = accessOf(request, route);
    const refused = authorization.check(request, access);
    if (refused !== undefined) return refused;
    if (path === "/v2/") return { status: 200, body: Buffer.from("{}") };
    if (route === undefined) return refusal(404, "UNSUPPORTED");
    if (options.storesElsewhere === true && route.kind === "blobs" && method === "GET")
      return { status: 307, headers: { location: `${urls.storage}${signed(path)}` } };
    return serve(request, route);
  };
}

function signed(path: string): string {
  return `${path}${path.includes("?") ? "&" : "?"}signature=valid`;
}

interface Route {
  readonly name: string;
  readonly kind: "blobs" | "uploads" | "manifests" | "tags" | "referrers";
  /** A digest, tag or id. */
  readonly rest: string;
}

const component = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const routeForm = new RegExp(
  `^/v2/(${component}(?:/${component})*)/(?:(blobs|manifests|referrers)/([^/]+)|blobs/(uploads)/([^/]*)|(tags)/list)$`,
);

function parseRoute(path: string): Route | undefined {
  const match = routeForm.exec(path);
  if (match === null) return undefined;
  const [, name, kind, rest, uploads, id, tags] = match;
  return { name: name!, kind: (kind ?? uploads ?? tags) as Route["kind"], rest: rest ?? id ?? "" };
}

/** A mount reads from one repository and writes to another. */
function accessOf(request: RegistryRequest, route: Route | undefined): Access {
  if (route === undefined) return new Map();
  const { query } = request;
  const access = new Map([[route.name, actionsOf(request, route)]]);
  const from = query.get("from");
  if (from !== null && query.has("mount") && from !== route.name) access.set(from, ["pull"]);
  return access;
}

function actionsOf({ method }: RegistryRequest, { kind }: Route): readonly Action[] {
  if (kind === "uploads") return ["pull", "push"];
  if (method === "DELETE") return ["delete"];
  return method === "GET" || method === "HEAD" ? ["pull"] : ["pull", "push"];
}
