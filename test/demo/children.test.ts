import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { Children } from "../../src/demo/children.js";
import { untilReady } from "../../src/demo/patience.js";

test("a child that does not listen to SIGTERM is killed, with what it started", async () => {
  // The grandchild holds a connection, whose end is the end of the grandchild.
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const grandchild = `'${process.execPath}' -e 'net.connect(${port}, "127.0.0.1")'`;
  const children = new Children();
  const script = `trap "" TERM; ${grandchild} & wait; wait`;
  const child = children.start("stubborn", "/bin/sh", ["-c", script]);
  const [connection] = (await once(server, "connection")) as [Socket];
  const over = once(connection.on("error", () => {}).resume(), "close");
  await children.endAll(100);
  expect(await child.ended).toBe("signal SIGKILL");
  await over;
  server.close();
});

test("a child that ends before it is ready is an error that quotes it", async () => {
  const child = new Children().start("web1", "/bin/sh", ["-c", "echo port in use; exit 3"]);
  await expect(untilReady(child, () => false, 5_000)).rejects.toThrow(
    /^web1 ended with exit status 3\n {4}port in use$/,
  );
});

test("a program that is not there is an error like any other", async () => {
  const child = new Children().start("haproxy", "/nonexistent/haproxy", []);
  await expect(untilReady(child, () => false, 5_000)).rejects.toThrow(
    /haproxy ended with .*ENOENT/,
  );
});
