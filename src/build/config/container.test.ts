import assert from "node:assert/strict";
import { test } from "node:test";
import { type ContainerConfig } from "../../oci/index.ts";
import { containerConfig, imageAnnotations } from "./container.ts";
import { serviceBundle } from "./services.ts";
import { parseImageConfig } from "./image-config.ts";

async function container(
  text: string,
  uidOf?: (name: string) => number | undefined,
): Promise<ContainerConfig> {
  return containerConfig(await parseImageConfig(text, { subject: "image.yaml" }), uidOf);
}

test("a configuration that says nothing has the two default variables only", async () => {
  assert.deepEqual(await container("{}"), {
    Env: [
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt",
    ],
  });
});

test("every field has its place", async () => {
  const text = `
cmd: -g "daemon off;"
entrypoint: {command: /usr/sbin/nginx -q}
work-dir: /srv/www/
stop-signal: SIGQUIT
environment: {Z: 1, PATH: /bin, A: "b c"}
volumes: [/data, /cache, /data]
ports: [80, 53/UDP, 80/tcp]
annotations: {b: from-annotations, a: x}
labels: {b: from-labels, c: d}
vcs-url: git+ssh://git@example.com/x.git@0123abc
healthcheck: {test: curl -f localhost || exit 1, interval: 1m30s, timeout: 0.5s, start-period: 0, start-interval: 1s, retries: 3}
`;
  assert.deepEqual(await container(text), {
    Env: ["A=b c", "PATH=/bin", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt", "Z=1"],
    Entrypoint: ["/usr/sbin/nginx", "-q"],
    Cmd: ["-g", "daemon off;"],
    WorkingDir: "/srv/www",
    ExposedPorts: { "53/udp": {}, "80/tcp": {} },
    Volumes: { "/cache": {}, "/data": {} },
    Labels: {
      a: "x",
      b: "from-labels",
      c: "d",
      "org.opencontainers.image.revision": "0123abc",
      "org.opencontainers.image.source": "git+ssh://git@example.com/x.git",
    },
    StopSignal: "SIGQUIT",
    Healthcheck: {
      Test: ["CMD-SHELL", "curl -f localhost || exit 1"],
      Interval: 90_000_000_000,
      Timeout: 500_000_000,
      StartPeriod: 0,
      StartInterval: 1_000_000_000,
      Retries: 3,
    },
  });
});

test("a source without a revision is a source", async () => {
  const config = await parseImageConfig("vcs-url: ssh://git@example.com/x", {
    subject: "image.yaml",
  });
  assert.deepEqual(imageAnnotations(config), {
    "org.opencontainers.image.source": "ssh://git@example.com/x",
  });
});

const users: readonly (readonly [string, string])[] = [
  ["web", "1001"],
  ["web:staff", "1001:50"],
  ["1001", "1001"],
  ["0", "0"],
  ["nobody", "65534"],
  ["nobody:nogroup", "65534:nogroup"],
  ["stranger", "stranger"],
];

test("run-as becomes a uid where one is known", async () => {
  const accounts = "users: [{username: web, uid: 1001}], groups: [{groupname: staff, gid: 50}]";
  for (const [runAs, user] of users) {
    const config = await container(`accounts: {run-as: "${runAs}", ${accounts}}`, (name) =>
      name === "nobody" ? 65534 : undefined,
    );
    assert.equal(config.User, user, runAs);
  }
});

test("a shell fragment runs in a shell, and services under s6", async () => {
  assert.deepEqual((await container("entrypoint: {shell-fragment: 'exec app $X'}")).Entrypoint, [
    "/bin/sh",
    "-c",
    "exec app $X",
  ]);
  const bundle =
    "entrypoint: {type: service-bundle, services: {web: nginx -g 'daemon off;', log: syslogd -n}}";
  assert.deepEqual((await container(bundle)).Entrypoint, ["/bin/s6-svscan", "/sv"]);
  const config = await parseImageConfig(`contents: {packages: [nginx]}\n${bundle}`, {
    subject: "image.yaml",
  });
  assert.deepEqual(config.contents.packages, ["nginx", "s6"]);
  assert.ok(config.entrypoint?.kind === "services");
  assert.deepEqual(serviceBundle(config.entrypoint.services).files, [
    { path: "sv/log/run", content: "#!/bin/execlineb\nsyslogd -n\n", permissions: 0o755 },
    {
      path: "sv/web/run",
      content: "#!/bin/execlineb\nnginx -g 'daemon off;'\n",
      permissions: 0o755,
    },
  ]);
});
