import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { waitUntil } from "../traffic/support/waiting.js";
import { Database, databaseNodes } from "./roles/database.js";
import { type UploadReport, Uploads } from "./roles/uploads.js";
import { note } from "./support/figures.js";
import { Project } from "./support/project.js";

const project = new Project({ stack: "roles" });
const database = new Database(project);

/** Uploads in a second, while something is broken. */
const rate = 20;

beforeAll(async () => {
  await project.up();
  await settled();
});

afterAll(async () => {
  await project.down();
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") process.stderr.write(await project.logs(20));
});

test("port 5000 leads to the primary, and port 5001 to the replica", async () => {
  const { primary, replica } = await settled();
  expect(await database.behind(5000, replica)).toBe(`${primary} primary`);
  expect(await database.behind(5001, replica)).toBe(`${replica} replica`);
  // PostgreSQL answers a wish for TLS with one letter, before it knows who asks.
  expect(await firstByte(5000)).toBe("N");
  expect(await firstByte(5001)).toBe("N");
});

test("what was uploaded can be read at once, from the replica", async () => {
  const { replica } = await settled();
  const uploads = await beginUploads();
  await waitUntil("twenty uploads", () => uploads.acknowledged().size >= 20);
  await uploads.stop();
  for (const [id, sha256] of uploads.acknowledged()) {
    expect((await database.images(replica)).get(id)).toBe(sha256);
    const response = await fetch(`http://127.0.0.1:3000/images/${id}`);
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "image/png"]);
    if (id.endsWith("0")) break;
  }
});

test("a planned switchover loses no upload", async () => {
  const { primary, replica } = await settled();
  const uploads = await beginUploads();
  const began = performance.now();
  await database.switchOver(primary, replica);
  const took = await writtenBy(replica, began, uploads);
  expect(await settled()).toEqual({ primary: replica, replica: primary });
  const report = await uploads.stop();
  await keepsAll(uploads);
  expect(report.lost).toEqual([]);
  await tell("a planned switchover", "writes wait for the new primary", took, report);
});

test("a primary that is killed is replaced in less than 5 s, and comes back as a replica", async () => {
  const { primary, replica } = await settled();
  const uploads = await beginUploads();
  const began = performance.now();
  await database.order("kill", primary);
  const took = await writtenBy(replica, began, uploads);
  expect(await database.behind(5000, replica)).toBe(`${replica} primary`);
  await database.order("start", primary);
  expect(await settled()).toEqual({ primary: replica, replica: primary });
  const report = await uploads.stop();
  await keepsAll(uploads);
  expect(report.lost).toEqual([]);
  await tell("the primary is killed", "the replica is promoted", took, report);
  expect(took).toBeLessThan(5_000);
});

test("a primary that was frozen does not get writes again when it thaws", async () => {
  const { primary, replica } = await settled();
  const uploads = await beginUploads();
  const began = performance.now();
  await database.order("pause", primary);
  const took = await writtenBy(replica, began, uploads);
  await database.order("unpause", primary);
  expect(await settled()).toEqual({ primary: replica, replica: primary });
  const report = await uploads.stop();
  await keepsAll(uploads);
  expect(report.lost).toEqual([]);
  await tell("the primary hangs", "the replica is promoted", took, report);
});

test("writes go on when the replica is killed, and reads come from the primary", async () => {
  const { primary, replica } = await settled();
  const uploads = await beginUploads();
  const began = performance.now();
  await database.order("kill", replica);
  const killed = performance.now();
  const took = killed - began + (await writtenBy(primary, killed, uploads));
  const reads = () => database.behind(5001, primary).catch(String);
  await waitUntil("port 5001 leads to the primary", async () => {
    return (await reads()) === `${primary} primary`;
  });
  await database.order("start", replica);
  expect(await settled()).toEqual({ primary, replica });
  const report = await uploads.stop();
  await keepsAll(uploads);
  expect(report.lost).toEqual([]);
  await tell("the replica is killed", "writes go on without it", took, report);
});

test("nothing changes when one of three etcd is killed", async () => {
  const before = await settled();
  const uploads = await beginUploads();
  await database.order("kill", "etcd1");
  await waitUntil("uploads for ten seconds", () => uploads.acknowledged().size >= 10 * rate);
  const report = await uploads.stop();
  await database.order("start", "etcd1");
  expect(await settled()).toEqual(before);
  expect(report.lost).toEqual([]);
  await tell("one of three etcd is killed", "nothing", undefined, report);
});

test("docker stop of the primary loses no upload", async () => {
  const { primary, replica } = await settled();
  const uploads = await beginUploads();
  const began = performance.now();
  await database.order("stop", primary);
  const took = await writtenBy(replica, began, uploads);
  await database.order("start", primary);
  expect(await settled()).toEqual({ primary: replica, replica: primary });
  const report = await uploads.stop();
  await keepsAll(uploads);
  expect(report.lost).toEqual([]);
  await tell("docker stop of the primary", "it hands over, then stops", took, report);
});

interface Roles {
  readonly primary: string;
  readonly replica: string;
}

/** Waits until there is a primary with a synchronous replica, and gossip and both Patronis agree on it. */
async function settled(): Promise<Roles> {
  let roles: Roles | undefined;
  let seen: unknown;
  await waitUntil(
    "a primary and its synchronous replica",
    async () => {
      try {
        const tags = await database.tags();
        const primary = databaseNodes.find((node) => tags.get(node)?.role === "primary");
        const replica = databaseNodes.find((node) => tags.get(node)?.role === "replica");
        seen = Object.fromEntries(tags);
        if (primary === undefined || replica === undefined) return false;
        const cluster = await database.cluster(replica);
        seen = { tags: seen, cluster };
        roles = { primary, replica };
        const wanted = [`${primary} leader running`, `${replica} sync_standby running`];
        return cluster.join() === wanted.sort().join();
      } catch (error) {
        seen = String(error);
        return false;
      }
    },
    { every: 500, last: () => seen },
  );
  if (roles === undefined) throw new Error("no roles");
  return roles;
}

/** Uploads from now on, of which the first have been accepted. */
async function beginUploads(): Promise<Uploads> {
  const host = await project.address(await project.container("balancer"));
  const uploads = Uploads.start({ host, port: 3000 }, rate);
  await waitUntil("an upload is accepted", () => uploads.acknowledged().size > 3);
  return uploads;
}

/** Waits until an upload was taken by `node` that was sent at `since` or later; resolves with how long after. */
async function writtenBy(node: string, since: number, uploads: Uploads): Promise<number> {
  const address = await database.address(node);
  await waitUntil(
    `${node} takes an upload`,
    () => uploads.firstSince(since, address) !== undefined,
  );
  return (uploads.firstSince(since, address) ?? Number.NaN) - since;
}

/** Everything that was acknowledged is there, on both nodes. */
async function keepsAll(uploads: Uploads): Promise<void> {
  const acknowledged = uploads.acknowledged();
  for (const node of databaseNodes) {
    const kept = await database.images(node);
    const missing = [...acknowledged].filter(([id, sha256]) => kept.get(id) !== sha256);
    expect({ node, missing: missing.map(([id]) => id) }).toEqual({ node, missing: [] });
  }
}

async function tell(
  breaks: string,
  happens: string,
  took: number | undefined,
  { sent, lost, slowest }: UploadReport,
): Promise<void> {
  process.stdout.write(`${breaks}: ${JSON.stringify({ took, sent, lost, slowest })}\n`);
  note({ stack: "roles", breaks, happens, took, lost: lost.length, of: sent });
}

/** What PostgreSQL says to an SSLRequest on a published port. */
function firstByte(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("data", (data) => {
      resolve(data.toString("latin1", 0, 1));
      socket.destroy();
    });
    socket.once("close", () => reject(new Error("closed without a word")));
    socket.once("error", reject);
    socket.write(Buffer.from("0000000804d2162f", "hex"));
  });
}
