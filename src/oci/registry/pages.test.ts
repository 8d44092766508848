/** Tests of pages: links in all their forms, and lists that never end. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { observeRegistries } from "../../../test/registry-client.ts";
import { startRegistry, type RegistryServerOptions } from "../../../test/registry-server.ts";
import { repositoryOf } from "../../../test/registry-server/contents.ts";
import { withHeaders, answerWith } from "../../../test/registry-server/faults.ts";
import { nextLink } from "./pages.ts";
import { failsWith } from "./sample-blobs.test.ts";

for (const [header, expected] of [
  ['</v2/a/tags/list?last=b&n=1>; rel="next"', "/v2/a/tags/list?last=b&n=1"],
  ["</x>; rel=next", "/x"],
  ['</prev>; rel="prev", </x,y>; title="a"; rel="first next"', "/x,y"],
  ['<https://r.io/x>;REL="NEXT"', "https://r.io/x"],
  ['</x>; rel="nextish"', undefined],
  ['</x>; rel="prev"', undefined],
  ["/x; rel=next", undefined],
  ["", undefined],
  [undefined, undefined],
] as const)
  test(`the next page of ${header}`, () => assert.equal(nextLink(header), expected));

async function open(context: TestContext, options: RegistryServerOptions) {
  const server = await startRegistry(context, options);
  const { tags } = repositoryOf(server.contents, "a/b");
  for (let index = 0; index < 25; index++) tags.set(`v${String(index).padStart(2, "0")}`, "");
  const repository = observeRegistries(context).at(server.host, "a/b");
  const list = async () => {
    const found: string[] = [];
    for await (const tag of repository.tags()) found.push(tag);
    return found;
  };
  return { server, repository, list, tags };
}

for (const locations of ["relative", "absolute"] as const)
  test(`tags come page by page, with ${locations} links`, async (context) => {
    const { server, list, tags } = await open(context, { pageSize: 10, locations });
    assert.deepEqual(await list(), [...tags.keys()]);
    assert.equal(server.story().filter((line) => line.includes("tags")).length, 3);
  });

test("a list that leads in circles, or elsewhere, ends", async (context) => {
  const { server, list } = await open(context, { pageSize: 10 });
  const rule = { path: /tags/, times: 99 };
  server.fault(rule, withHeaders({ link: '</v2/a/b/tags/list?n=10&last=v03>; rel="next"' }));
  await failsWith(list(), "http-invalid");
  server.heal();
  server.fault(rule, withHeaders({ link: `<${server.storageUrl}/v2/a/b/tags/list>; rel="next"` }));
  assert.match(
    (await failsWith(list(), "http-invalid")).message,
    /said to be at http:\/\/127\.0\.0\.2/,
  );
  assert.ok(server.requests.every((request) => request.server === "registry"));
});

test("what cannot be a tag is left out", async (context) => {
  const { server, list } = await open(context, {});
  const body = Buffer.from(
    JSON.stringify({ tags: ["a", "../b", "\u001b[2J", 7, null, "ok-1.2_x"] }),
  );
  server.fault({ path: /tags/ }, answerWith({ status: 200, body }));
  assert.deepEqual(await list(), ["a", "ok-1.2_x"]);
  for (const [text, expected] of [
    ['{"name":"a","tags":null}', []],
    ["{}", []],
  ] as const) {
    server.heal();
    server.fault({ path: /tags/ }, answerWith({ status: 200, body: Buffer.from(text) }));
    assert.deepEqual(await list(), expected);
  }
  server.heal();
  server.fault({ path: /tags/ }, answerWith({ status: 200, body: Buffer.from("[") }));
  await failsWith(list(), "image-invalid");
});
