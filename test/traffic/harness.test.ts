import { expect, onTestFinished, test } from "vitest";
import { missingPrograms } from "../support/programs.js";
import { Haproxy } from "./support/haproxy.js";
import { Load } from "./support/load-client.js";
import { reportLine } from "./support/load-record.js";
import { Nginx, recommendedNginx } from "./support/nginx.js";
import { WebProcess } from "./support/web-process.js";

const host = "127.0.0.75";

test.skipIf(missingPrograms("haproxy", "nginx").length > 0).for(["haproxy", "nginx"] as const)(
  "every kind of client has its answer through %s, and the server counts it",
  async (kind) => {
    const web = await WebProcess.start({ name: "web1", ip: host });
    onTestFinished(() => web.child.kill());
    const proxy =
      kind === "haproxy"
        ? await Haproxy.start({
            ip: host,
            text: ({ statsSocket, ip, port }) => `global
    stats socket ${statsSocket} level admin
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
frontend users
    bind ${ip}:${port}
    default_backend web
backend web
    server web1 ${web.address}
`,
          })
        : await Nginx.start({
            ip: host,
            text: (place) =>
              recommendedNginx(place).replace(/server .* down;/, `server ${web.address};`),
          });
    onTestFinished(() => proxy.end());
    const clients = { fresh: 1, kept: 1, post: 1, freshPost: 1, slow: 1, slowPost: 1, download: 1 };
    const load = Load.start({ target: proxy.target, clients, rate: 100 });
    await load.more(120);
    const report = await load.stop();
    expect(report.lost, reportLine(report)).toEqual([]);
    expect(Object.keys(report.latency).sort()).toEqual(Object.keys(clients).sort());
    expect(report.servers.web1?.count).toBe(report.answered);
    expect(report.latency.slow?.p50).toBeGreaterThanOrEqual(300);
    expect(report.latency.download?.p50).toBeGreaterThanOrEqual(1_900);
    expect(await web.arrivals()).toMatchObject({ arrived: report.total });
  },
);
