import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { MasterSocket, parseProcesses } from "../../src/lb/haproxy/master-socket.js";
import { tempDir } from "../agent/temp-dir.js";

/** As 2.6.12 answered it, with tabs and spaces of its own. */
const answer = `#<PID>          <type>          <reloads>       <uptime>        <version>      
17336           master          5 [failed: 1]   0d00h18m21s     2.6.12-1+deb12u4
# workers
30132           worker          1               0d00h00m01s     2.6.12-1+deb12u4
# old workers
22436           worker          2               0d00h07m34s     2.6.12-1+deb12u4
22296           worker          3               0d00h08m34s     2.6.12-1+deb12u4
# programs
`;

test("a master tells its processes and its failures", () => {
  expect(parseProcesses(answer)).toEqual({
    master: 17336,
    reloads: 5,
    failed: 1,
    worker: 30132,
    lingering: [22436, 22296],
    version: "2.6.12-1+deb12u4",
  });
});

test("a master may be without a worker for a moment, and older ones tell no failures", () => {
  expect(
    parseProcesses(
      "#<PID> <type> <relative PID> <reloads> <uptime> <version>\n7 master 0 3 0d00h00m08s 2.4.0\n# workers\n# programs",
    ),
  ).toMatchObject({ master: 7, reloads: 3, failed: 0, worker: undefined, version: "2.4.0" });
});

test.for(["", "Unknown command: 'show proc'", "# workers\n17 worker 0 0d00h00m01s 2.6"])(
  "%j is no answer of a master",
  (text) => {
    expect(parseProcesses(text)).toBeUndefined();
  },
);

async function masterThat(serve: (socket: Socket) => void): Promise<string> {
  const path = join(tempDir(), "master.sock");
  const server = createServer({ allowHalfOpen: true }, serve);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => void server.close());
  return path;
}

test("a master answers when our side of the connection is closed, not before", async () => {
  const path = await masterThat((socket) => {
    let asked = "";
    socket.setEncoding("utf8").on("data", (part: string) => {
      asked += part;
    });
    socket.once("end", () => socket.end(asked === "show proc\n" ? answer : "what?"));
  });
  expect(await new MasterSocket(path, 5_000).state()).toMatchObject({ worker: 30132 });
});

test("what is wrong with a master socket is told with what to do", async () => {
  const socket = (path: string, timeout = 5_000): Promise<unknown> =>
    new MasterSocket(path, timeout).state();
  await expect(socket("/no/such.sock")).rejects.toThrow(
    "master socket /no/such.sock: not there: start HAProxy with -W -S and this path",
  );
  const other = await masterThat((one) => one.end("Unknown command\n"));
  await expect(socket(other)).rejects.toThrow(/is no answer of a master's to "show proc"/);
  const silent = await masterThat((one) => void onTestFinished(() => void one.destroy()));
  await expect(socket(silent, 50)).rejects.toThrow("no answer within 50 ms: is HAProxy stuck?");
});
