import { once } from "node:events";
import { createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { examineService } from "../../src/examine/service.js";
import { Folder, told, words } from "./files.js";

async function examined(command: string, folder: Folder, tries = false) {
  const path = "/usr/bin:/bin";
  return await examineService({ command, path, folder: folder.path, tries });
}

async function open(port = 0): Promise<number> {
  const server = createServer().listen(port, "0.0.0.0");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

test("all that is missing for a service is named, each with what makes it good", async () => {
  const folder = new Folder();
  const near = folder.file("config/node1.yaml", "");
  const { path } = folder;
  const found = words(
    await examined(
      `${path}/bin/cache_server --config ${path}/config/cache_config.yaml --data-dir ${path}/data --log-file=${path}/logs/x.log`,
      folder,
    ),
  );
  expect(found).toContain(`program ${path}/bin/cache_server\nthere is no such file`);
  expect(found).toContain(`there is no folder ${path}/bin either`);
  expect(found).toContain(`cp ${near} ${path}/config/cache_config.yaml`);
  expect(found).toContain(`mkdir -p ${path}/data`);
  expect(found).toContain(`mkdir -p ${path}/logs`);
});

test("the rights behind the path of a socket of HAProxy are no part of the path", async () => {
  const folder = new Folder();
  const program = folder.file("bin/haproxy", "#!/bin/sh\nexec sleep 9\n");
  const socket = folder.file("master.sock", "");
  const found = await examined(`${program} -W -db -S ${socket},mode,600,level,admin`, folder);
  expect(words(found)).not.toContain("there is no such file");
});

test("a program that lies elsewhere in the same tree is found there", async () => {
  const folder = new Folder();
  const there = folder.file("app/build/release/cache_server", "#!/bin/sh\necho\n");
  const asked = `${folder.path}/app/bin/cache_server`;
  expect(words(await examined(asked, folder))).toContain(`cp ${there} ${asked}`);
});

test("a service with all of it that listens is well", async () => {
  const folder = new Folder();
  const program = folder.file("bin/server", "#!/bin/sh\nexec sleep 9\n");
  const config = folder.file("a.yaml", "port: 1\n", 0o644);
  const port = await open();
  const data = folder.folder("data");
  const found = await examined(
    `${program} --config ${config} --port ${port} --data-dir ${data}`,
    folder,
  );
  expect(told(found)).toEqual([`ok: listens on port ${port}`]);
});

test.for([
  { name: "not executable", mode: 0o644, text: "#!/bin/sh\necho\n", says: "chmod +x" },
  { name: "with Windows line endings", mode: 0o755, text: "#!/bin/sh\r\n", says: "CRLF" },
  {
    name: "without its interpreter",
    mode: 0o755,
    text: "#!/opt/none/python3\n",
    says: "not there",
  },
  { name: "empty", mode: 0o755, text: "", says: "is empty" },
])("a program that is $name is told", async ({ mode, says, text }) => {
  const folder = new Folder();
  expect(words(await examined(folder.file("server", text, mode), folder))).toContain(says);
});

test("a program for another C library is told", async () => {
  const folder = new Folder();
  const elf = Buffer.alloc(256);
  elf.write("\x7fELF\x02\x01", "latin1");
  elf.writeBigUInt64LE(64n, 32);
  elf.writeUInt16LE(56, 54);
  elf.writeUInt16LE(1, 56);
  elf.writeUInt32LE(3, 64);
  elf.writeBigUInt64LE(128n, 72);
  elf.writeBigUInt64LE(30n, 96);
  elf.write("/lib/ld-musl-nowhere.so.1\0", 128, "latin1");
  const found = words(await examined(folder.file("server", elf), folder));
  expect(found).toContain("it needs /lib/ld-musl-nowhere.so.1");
});

test("what a configuration file names is looked for, but certificates only where they are used", async () => {
  const folder = new Folder();
  const server = folder.file("server", "#!/bin/sh\necho\n");
  const text = (tls: boolean) =>
    `storage:\n  data_directory: "${folder.path}/data"\nenable_ssl: ${tls}\nssl_cert_file: ${folder.path}/c.crt\n`;
  const config = folder.file("a.yaml", text(true), 0o644);
  const found = words(await examined(`${server} -c ${config}`, folder));
  expect(found).toContain(
    `${config}, line 2: data_directory\nthere is no folder ${folder.path}/data`,
  );
  expect(found).toContain(`there is no file ${folder.path}/c.crt`);
  folder.file("a.yaml", text(false), 0o644);
  expect(words(await examined(`${server} -c ${config}`, folder))).not.toContain("c.crt");
});

test("a folder in the place of a file, as a mount makes it, is told", async () => {
  const folder = new Folder();
  const server = folder.file("server", "#!/bin/sh\necho\n");
  const config = folder.folder("app.yaml");
  expect(words(await examined(`${server} --config=${config}`, folder))).toContain("is a folder");
});

test("a port that is shut is told with those that are open", async () => {
  const folder = new Folder();
  const server = folder.file("server", "#!/bin/sh\necho\n");
  const config = folder.file("a.yaml", "network:\n  listen_port: 9\n", 0o644);
  const other = await open();
  const found = words(await examined(`${server} --config ${config}`, folder));
  expect(found).toContain("nothing listens on port 9");
  expect(found).toContain(String(other));
});

test("one that is tried says why it ends", async () => {
  const folder = new Folder();
  const server = folder.file("server", "#!/bin/sh\necho cannot bind: in use >&2\nexit 3\n");
  const found = words(await examined(server, folder, true));
  expect(found).toContain("ended at once, with status 3\nit says: cannot bind: in use");
});

test("one that only a shell can read is left out", async () => {
  expect(told(await examined("$SERVER --x", new Folder()))).toEqual([
    "fail: there is no such program in the PATH",
  ]);
});
