/** Tests of URLs: what is accepted, and that no credential is ever shown. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { messageOf } from "../base/index.ts";
import {
  basicAuthorization,
  isLoopback,
  parseHttpUrl,
  redactCredentials,
  showUrl,
  withoutCredentials,
} from "./url.ts";

test("no URL is shown with its password, whether it can be parsed or not", () => {
  const password = fc.stringMatching(/^Z[!-~]{3,20}Z$/);
  fc.assert(
    fc.property(
      password,
      fc.constantFrom("host", "host:99999", "[bad", "h/p?q=1"),
      (secret, rest) => {
        const encoded = encodeURIComponent(secret);
        for (const text of [`https://user:${secret}@${rest}`, `https://user:${encoded}@${rest}`]) {
          let shown: string;
          let authorization: string | undefined;
          try {
            const url = parseHttpUrl(text);
            // With a raw `/`, `?` or `#` in it, the URL says something else, and has no userinfo.
            if (url.username === "") continue;
            authorization = basicAuthorization(url);
            shown = `${showUrl(url)} ${withoutCredentials(url).href}`;
          } catch (error) {
            shown = `${messageOf(error)} ${String((error as Error).cause)}`;
          }
          assert.ok(!shown.includes(secret) && !shown.includes(encoded), shown);
          if (authorization !== undefined && text.includes(encoded) && encoded !== secret)
            assert.equal(atob(authorization.slice(6)), `user:${secret}`);
        }
      },
    ),
    { numRuns: 300 },
  );
});

for (const [text, expected] of [
  ["see https://u:p@h/x and http://v@i/y", "see https://h/x and http://i/y"],
  ["https://h/x@y", "https://h/x@y"],
  [
    "https://h/?service=a&access_token=b&X-Amz-Signature=c",
    "https://h/?service=a&access_token=…&X-Amz-Signature=…",
  ],
] as const)
  test(`redacted: ${text}`, () => assert.equal(redactCredentials(text), expected));

test("what is this machine", () => {
  for (const host of ["localhost", "a.localhost", "127.0.0.1", "127.8.9.10", "::1", "[::1]"])
    assert.equal(isLoopback(host), true, host);
  for (const host of [
    "example.org",
    "localhost.example.org",
    "128.0.0.1",
    "0.0.0.0",
    "127.0.0.1.nip.io",
    "[::2]",
  ])
    assert.equal(isLoopback(host), false, host);
});
