import { afterEach, expect, test } from "vitest";
import { waitUntil } from "../traffic/support/waiting.js";
import { testLab } from "./lab/behaviour.js";
import { Lab } from "./lab/lab.js";
import { docker } from "./support/engine.js";

const lab = new Lab({ file: "docker-compose.s6.yml" });
const template = "/handlers/server.template";

testLab(lab, "lab, s6 and scripts");

/** What the scripts have written: the nodes folder and HAProxy's file. */
async function written(): Promise<{ readonly nodes: string[]; readonly file: string }> {
  const nodes = (await lab.project.exec("ha", "ls -A /nodes")).split("\n").sort();
  return { nodes, file: await lab.project.exec("ha", "cat /etc/haproxy/haproxy.cfg") };
}

/** What the handlers' last runs wrote. */
async function told(): Promise<string> {
  return await lab.project.exec("ha", "gossipd handlers log -output");
}

let strangers: string[] = [];

afterEach(async () => {
  for (const stranger of strangers) await docker("kill", stranger);
  strangers = [];
});

test("the nodes folder and the file name the living and nobody else", async () => {
  const { nodes, file } = await written();
  expect(nodes).toEqual(await lab.living());
  expect([...file.matchAll(/^ {4}server (\S+) /gm)].map(([, name]) => name)).toEqual(nodes);
});

test("a member with the name of a path or of two words becomes no file and no server", async () => {
  const before = await written();
  const [web = ""] = await lab.project.containers("web");
  const image = await docker("inspect", "-f", "{{.Image}}", web);
  for (const name of ["../etc/haproxy/x", "two words", "x\n    server y 10.0.0.1:1"]) {
    const agent = ["gossipd", "agent", "-node", name, "-tag", "role=web", "-retry-join", "ha"];
    const network = await lab.network();
    strangers.push(await docker("run", "-d", "--rm", "--network", network, image, ...agent));
  }
  await waitUntil(
    "all three are members",
    async () =>
      (await lab.project.exec("ha", "gossipd members -status=alive")).split("role=web").length ===
      6,
    { every: 500 },
  );
  await waitUntil(
    "the script has left them out",
    async () => (await told()).includes("left out, name, address or port is not valid: two?words"),
    { every: 500 },
  );
  expect(await written()).toEqual(before);
});

test("a template that HAProxy refuses changes nothing, until it is mended", async () => {
  const before = await written();
  const ha = await lab.project.container("ha");
  const asRoot = (command: string) => docker("exec", "-u", "0", ha, "sh", "-c", command);
  await asRoot(`cp ${template} /tmp/good && echo '    serve {name}' >> ${template}`);
  try {
    await lab.scale(3);
    await waitUntil(
      "the script has tried it",
      async () => (await told()).includes("the proxy refuses the new lines"),
      { every: 200 },
    );
    expect((await written()).file).toBe(before.file);
    expect((await fetch(`http://${lab.target.host}:${lab.target.port}/`)).status).toBe(200);
  } finally {
    await asRoot(`cp /tmp/good ${template}`);
  }
  await lab.untilPageIsTrue();
});
