import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import type { ProbeQuestion } from "../../src/lb/decision.js";
import { Prober, probeService } from "../../src/lb/probe.js";
import { VirtualHost } from "./support/virtual-host.js";

const probe = { path: undefined, timeout: 200, tries: 3 };

function question(port: number, path?: string): ProbeQuestion {
  return { ip: "127.0.0.1", port, probe: { ...probe, path } };
}

/** A prober in virtual time, and what it asked. */
function bench() {
  const host = new VirtualHost();
  const asked: string[] = [];
  const answering = new Set<string>();
  let changes = 0;
  const prober = new Prober(
    {
      now: () => host.now(),
      after: (delay, run) => host.after(delay, run),
      probe: async ({ ip }) => {
        asked.push(ip);
        return answering.has(ip);
      },
    },
    () => {
      changes += 1;
    },
  );
  return { host, asked, answering, prober, changes: () => changes };
}

const one: ProbeQuestion = { ip: "10.0.0.1", port: 80, probe };

describe("a prober", () => {
  test("knows nothing before it asked, and tells when it knows", async () => {
    const { host, answering, prober, changes } = bench();
    answering.add("10.0.0.1");
    expect(prober.answer(one)).toBe("unknown");
    prober.ask([one]);
    expect(prober.isOpen).toBe(true);
    await host.advance(1);
    expect(prober.answer(one)).toBe("yes");
    expect(prober.isOpen).toBe(false);
    expect(changes()).toBe(1);
  });

  test("asks those that do not answer again, later and later, while somebody wants to know", async () => {
    const { host, asked, answering, prober, changes } = bench();
    prober.ask([one]);
    await host.advance(1_000);
    expect(asked).toHaveLength(3);
    answering.add("10.0.0.1");
    await host.advance(1_000);
    expect(prober.answer(one)).toBe("yes");
    expect(changes()).toBe(2);
    prober.ask([]);
    const { length } = asked;
    await host.advance(60_000);
    expect(asked).toHaveLength(length);
  });

  test("does not take an old answer for one to a new question", async () => {
    const { host, answering, prober } = bench();
    answering.add("10.0.0.1");
    prober.ask([one]);
    await host.advance(1);
    prober.ask([]);
    await host.advance(600);
    answering.clear();
    prober.ask([one]);
    expect(prober.answer(one)).toBe("unknown");
    await host.advance(1);
    expect(prober.answer(one)).toBe("no");
  });

  test("asks fifty at a time, and all of them in the end", async () => {
    const host = new VirtualHost();
    let running = 0;
    let most = 0;
    const slow = async (): Promise<boolean> => {
      running += 1;
      most = Math.max(most, running);
      await host.sleep(10);
      running -= 1;
      return true;
    };
    const after = (delay: number, run: () => void) => host.after(delay, run);
    const prober = new Prober({ now: () => host.now(), after, probe: slow }, () => {});
    prober.ask(Array.from({ length: 200 }, (_, index) => ({ ...one, port: index + 1 })));
    await host.advance(100);
    expect(most).toBe(50);
    expect(prober.isOpen).toBe(false);
  });
});

test("those that nobody asks for any more keep no others waiting", async () => {
  const host = new VirtualHost();
  const probeSlowly = () => host.sleep(10).then(() => true);
  const after = (delay: number, run: () => void) => host.after(delay, run);
  const prober = new Prober({ now: () => host.now(), after, probe: probeSlowly }, () => {});
  const questions = Array.from({ length: 200 }, (_, index) => ({ ...one, port: index + 1 }));
  prober.ask(questions);
  const wanted = questions.slice(-20);
  prober.ask(wanted);
  await host.advance(100);
  expect(wanted.map((question) => prober.answer(question))).toEqual(wanted.map(() => "yes"));
});

test("two pools may ask one service for different things", async () => {
  const host = new VirtualHost();
  const after = (delay: number, run: () => void) => host.after(delay, run);
  const probePath = async (question: ProbeQuestion) => question.probe.path === "/well";
  const prober = new Prober({ now: () => host.now(), after, probe: probePath }, () => {});
  const [well, ill] = [
    { ...one, probe: { ...probe, path: "/well" } },
    { ...one, probe: { ...probe, path: "/ill" } },
  ];
  prober.ask([well, ill]);
  await host.advance(10);
  expect([prober.answer(well), prober.answer(ill)]).toEqual(["yes", "no"]);
});

describe("a service", () => {
  async function service(status: number): Promise<number> {
    const server = createServer((_, response) => {
      response.statusCode = status;
      response.end();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => {
      server.close();
    });
    return (server.address() as AddressInfo).port;
  }

  test.for([
    { path: undefined, status: 500, answers: true },
    { path: "/health", status: 200, answers: true },
    { path: "/health", status: 302, answers: true },
    { path: "/", status: 404, answers: true },
    { path: "/health", status: 503, answers: false },
  ])("that answers $path with $status: $answers", async ({ path, status, answers }) => {
    expect(await probeService(question(await service(status), path))).toBe(answers);
  });

  test("that speaks something else answers", async () => {
    const server = createTcpServer((socket) => socket.end("-ERR unknown command\r\n"));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => {
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    expect(await probeService(question(port, "/"))).toBe(true);
  });

  test("that nobody offers does not answer", async () => {
    expect(await probeService(question(1))).toBe(false);
    expect(await probeService(question(1, "/"))).toBe(false);
  });
});
