/** A web server on loopback for ADD: the files of many cases, each below a path of its own. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { contentOf, fieldsOf, type FileTable } from "./files.ts";

export interface WebServer {
  /** Serves these files, and gives the URL that they lie below. */
  serve(files: FileTable): Promise<string>;
}

/** Runs until the test ends. */
export async function startWebServer(context: Pick<TestContext, "after">): Promise<WebServer> {
  const contents = new Map<string, Uint8Array>();
  const server = createServer(({ url = "/" }, response) => {
    const content = contents.get(new URL(url, "http://web.test").pathname);
    if (content === undefined) return void response.writeHead(404).end();
    response
      .writeHead(200, {
        "content-length": content.byteLength,
        "last-modified": "Wed, 15 Nov 2023 01:02:03 GMT",
      })
      .end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  let count = 0;
  return {
    async serve(files) {
      const folder = `/${++count}`;
      for (const [path, entry] of Object.entries(files))
        contents.set(`${folder}/${path}`, await contentOf(fieldsOf(entry)));
      return `http://127.0.0.1:${port}${folder}`;
    },
  };
}
