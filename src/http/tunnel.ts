/** Tunnel: a connection through a proxy to an https server, opened with CONNECT (RFC 9110, 9.3.6). */
import type { RequestOptions } from "node:https";
import type { Socket } from "node:net";
import { BivyError, messageOf } from "../base/index.ts";
import { http, https } from "./node-http.ts";
import { hostOf, portOf, type Proxy } from "./proxy.ts";

export function openTunnel(
  proxy: Proxy,
  host: string,
  port: number,
  timeoutMilliseconds: number,
  authorities: string[] | undefined,
): Promise<Socket> {
  const authority = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const options: RequestOptions = {
    method: "CONNECT",
    host: hostOf(proxy.url),
    port: portOf(proxy.url),
    path: authority,
    agent: false,
    headers: {
      host: authority,
      ...(proxy.authorization === undefined ? {} : { "proxy-authorization": proxy.authorization }),
    },
    ...(authorities === undefined ? {} : { ca: authorities }),
  };
  return new Promise((resolve, reject) => {
    const request =
      proxy.url.protocol === "https:" ? https.request(options) : http.request(options);
    const timeout = setTimeout(
      () => request.destroy(new Error("no answer in time")),
      timeoutMilliseconds,
    );
    request.once("connect", (response, socket, head) => {
      clearTimeout(timeout);
      if (response.statusCode === 200 && head.byteLength === 0) return resolve(socket as Socket);
      socket.destroy();
      reject(refusal(proxy, authority, response.statusCode ?? 0));
    });
    request.once("error", (error) => {
      clearTimeout(timeout);
      reject(
        new BivyError(
          "http-unreachable",
          `the proxy ${proxy.url.origin} cannot be reached: ${messageOf(error) || (error as NodeJS.ErrnoException).code}`,
          { cause: error, hint: "Check https_proxy, http_proxy and no_proxy." },
        ),
      );
    });
    request.end();
  });
}

function refusal(proxy: Proxy, authority: string, status: number): BivyError {
  const reason = `the proxy ${proxy.url.origin} answered CONNECT ${authority} with HTTP ${status}`;
  if (status === 407)
    return new BivyError("http-status", reason, {
      hint: "The proxy wants credentials: put them into its URL, as in http://user:password@proxy:3128.",
    });
  // 5xx: the proxy could not reach the server, which may pass.
  return new BivyError(status >= 500 ? "http-unreachable" : "http-status", reason, {
    hint: "Check https_proxy and no_proxy, and whether the proxy allows this host and port.",
  });
}
