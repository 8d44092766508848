/**
 * Reading blobs: one stream, however many connections it takes. A blob never changes, so that one which
 * breaks is asked for from where it broke. Nothing is verified here: the digest tells in the end whether
 * the pieces belong together.
 */
import { BivyError } from "../../base/index.ts";
import { nextChunk, parseContentRange, type HttpResponse } from "../../http/index.ts";
import { missingBlob, type BlobAddress } from "../blobs.ts";
import { type Access } from "./access.ts";

/** New bytes after which a break counts as the first one again. */
const goodProgressBytes = 1024 * 1024;

/** The bytes of a blob; fails with `image-invalid` where the repository does not have it. */
export async function* readBlobBytes(
  access: Access,
  { digest, size }: BlobAddress,
): AsyncGenerator<Uint8Array, void, void> {
  const subject = `${access.subject}: blob ${digest}`;
  const { policy } = access.connection;
  let passed = 0;
  let passedAtBreak = 0;
  let breaks = 0;
  let takesRanges = true;
  for (;;) {
    const from = takesRanges ? passed : 0;
    const response = await access.send({
      path: `blobs/${digest}`,
      actions: "pull",
      subject,
      ...(from === 0 ? {} : { headers: { range: `bytes=${from}-` } }),
      expects: from === 0 ? [200, 404] : [200, 206, 404, 416],
    });
    if (response.status === 404) throw missingBlob(access.subject, digest);
    const start = bodyStart(response, from);
    if (start === undefined) {
      for await (const chunk of response.body) if (chunk.byteLength > 0) break;
      takesRanges = false;
      continue;
    }
    let broken: BivyError | undefined;
    let at = start;
    const body = response.body[Symbol.asyncIterator]();
    try {
      for (;;) {
        const chunk = await nextChunk(body);
        if (chunk === undefined) break;
        if (chunk instanceof BivyError) {
          broken = chunk;
          break;
        }
        const fresh = chunk.subarray(Math.max(0, passed - at));
        at += chunk.byteLength;
        passed += fresh.byteLength;
        if (fresh.byteLength > 0) yield fresh;
      }
    } finally {
      await body.return?.();
    }
    if (broken === undefined) {
      // Where no length was told, a connection that broke looks like an end.
      if (passed >= size || response.headers.has("content-length")) return;
      broken = new BivyError(
        "http-truncated",
        `${subject}: ended after ${passed} of ${size} bytes`,
        {
          hint: "The network or the registry is unreliable: try again.",
        },
      );
    }
    if (response.headers.has("content-encoding")) takesRanges = false;
    if (passed - passedAtBreak >= goodProgressBytes) breaks = 0;
    passedAtBreak = passed;
    breaks += 1;
    if (breaks >= policy.tries) throw broken;
    await access.pause(breaks, broken, subject);
  }
}

/** Where in the blob the body of an answer begins; undefined when that cannot be used. */
function bodyStart(response: HttpResponse, asked: number): number | undefined {
  if (response.status === 200) return 0;
  if (response.status !== 206 || response.headers.has("content-encoding")) return undefined;
  const start = parseContentRange(response.headers.get("content-range"))?.start;
  return start !== undefined && start <= asked ? start : undefined;
}
