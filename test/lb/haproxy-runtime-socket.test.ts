import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { InvariantError, OperatorError } from "../../src/base/errors.js";
import { RuntimeSocket } from "../../src/lb/haproxy/runtime-socket.js";

function freshPath(): string {
  const folder = mkdtempSync(join(tmpdir(), "gossipd-socket-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "stats.sock");
}

/** Listens on a socket of its own and lets `speak` do the talking. */
async function listening(speak: (client: Socket) => void): Promise<string> {
  const path = freshPath();
  const clients = new Set<Socket>();
  const server: Server = createServer((client) => {
    clients.add(client);
    client.on("error", () => {});
    speak(client);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => {
    for (const client of clients) client.destroy();
    server.close();
  });
  return path;
}

/** As HAProxy does once it was told `prompt`: every answer, then a newline and the prompt. */
function answering(answers: Readonly<Record<string, string>>): (client: Socket) => void {
  return (client) => {
    let rest = "";
    client.setEncoding("utf8").on("data", (part: string) => {
      const lines = (rest + part).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) client.write(`${answers[line] ?? ""}\n> `);
    });
  };
}

describe("answers", () => {
  test("come one for each command, whether they end in no newline, one, or are empty", async () => {
    const path = await listening(
      answering({ "show info": "Name: HAProxy\nPid: 7\n", "del server a/b": "Server deleted." }),
    );
    const commands = ["set server a/b state ready", "show info", "del server a/b", "show info", ""];
    expect(await new RuntimeSocket(path, 5_000).ask(commands.slice(0, 4))).toEqual([
      ...["", "Name: HAProxy\nPid: 7", "Server deleted.", "Name: HAProxy\nPid: 7"],
    ]);
  });

  test("may come in any pieces", async () => {
    const path = await listening((client) => {
      const text = "\n> one\ntwo\n\n> \n> ";
      for (const [index, sign] of [...text].entries()) {
        setTimeout(() => client.write(sign), 2 * index);
      }
    });
    expect(await new RuntimeSocket(path, 5_000).ask(["a", "b"])).toEqual(["one\ntwo", ""]);
  });

  test("to no commands need no connection", async () => {
    expect(await new RuntimeSocket("/nowhere", 10).ask([])).toEqual([]);
  });

  test("to each batch come on a connection of its own", async () => {
    let connections = 0;
    const path = await listening((client) => {
      connections += 1;
      answering({})(client);
    });
    const socket = new RuntimeSocket(path, 5_000);
    await socket.ask(["a"]);
    await socket.ask(["b", "c"]);
    expect(connections).toBe(2);
  });
});

describe("a socket that", () => {
  const ask = (path: string, timeout = 5_000): Promise<readonly string[]> =>
    new RuntimeSocket(path, timeout).ask(["show info", "show stat"]);

  test("is not there is named, with what to do", async () => {
    const path = freshPath();
    await expect(ask(path)).rejects.toThrow(
      new OperatorError(
        `runtime socket ${path}: not there: start HAProxy, or give the path of its "stats socket" line`,
      ),
    );
  });

  test("was left behind by a process that ended is told from one that is missing", async () => {
    const path = await listening(() => {});
    const server = createServer();
    // A second server takes the path over and goes without removing it, as a killed process does.
    rmSync(path);
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const { linkSync } = await import("node:fs");
    linkSync(path, `${path}.left`);
    await new Promise((resolve) => server.close(resolve));
    await expect(ask(`${path}.left`)).rejects.toThrow("nobody listens there: has HAProxy stopped?");
  });

  test("never answers is given up at the limit", async () => {
    const path = await listening(() => {});
    await expect(ask(path, 50)).rejects.toThrow(
      `runtime socket ${path}: only 0 of 2 answers within 50 ms: is HAProxy stuck?`,
    );
  });

  test("falls silent in the middle is given up as well, however it began", async () => {
    const path = await listening((client) => client.write("\n> Pid: 7\n\n> half an ans"));
    await expect(ask(path, 50)).rejects.toThrow("only 1 of 2 answers within 50 ms");
  });

  test("closes in the middle has not done what it was told", async () => {
    const path = await listening((client) => client.end("\n> Pid: 7\n\n> "));
    await expect(ask(path)).rejects.toThrow(
      "closed after 1 of 2 answers: did HAProxy stop or reload?",
    );
  });

  test("answers more than it was asked is not believed", async () => {
    const path = await listening((client) => client.write("\n> a\n> b\n> c\n> d"));
    await expect(ask(path)).rejects.toThrow(OperatorError);
  });

  test("is none of HAProxy's is no reason to wait for ever", async () => {
    const path = await listening((client) => client.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    await expect(ask(path)).rejects.toThrow("closed after 0 of 2 answers");
  });
});

test.for([
  "set server web/s01 state ready; shutdown sessions server web/s02",
  "set server web/s01 state ready\nset server web/s02 state maint",
  "set server web/s\\01 state ready",
  "set ssl cert x <<",
  "show info # and more",
  "set server web/s\u{e9} state ready",
  "",
])("%j is never sent", async (command) => {
  let connected = false;
  const path = await listening((client) => {
    connected = true;
    answering({})(client);
  });
  await expect(new RuntimeSocket(path, 1_000).ask(["show info", command])).rejects.toThrow(
    InvariantError,
  );
  expect(connected).toBe(false);
});
