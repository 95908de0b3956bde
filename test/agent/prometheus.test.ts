import { expect, test } from "vitest";
import { seconds } from "../../src/base/units.js";
import { type ClusterNode, SerfCluster } from "../support/serf-cluster.js";
import { ScrapedMember } from "./prometheus-source.js";

test("a scrape tells who is there and who is gone", async () => {
  const cluster = new SerfCluster();
  const member = new ScrapedMember(cluster, "a");
  const [, c, d] = ["b", "c", "d"].map((name) => {
    const node = cluster.add(name);
    cluster.join(node, member.node);
    return node;
  }) as [ClusterNode, ClusterNode, ClusterNode];
  cluster.run(seconds(10));
  cluster.crash(d);
  c.serf.leave(cluster.now, () => {});
  cluster.settle(c);
  cluster.run(seconds(60));
  const scrape = await member.scrape();
  expect(Object.fromEntries(scrape)).toMatchObject({
    'gossipd_members{status="alive"}': 2,
    'gossipd_members{status="leaving"}': 0,
    'gossipd_members{status="left"}': 1,
    'gossipd_members{status="failed"}': 1,
    'gossipd_member_changes_total{change="join"}': 4,
    'gossipd_member_changes_total{change="leave"}': 1,
    'gossipd_member_changes_total{change="failed"}': 1,
    gossipd_joined: 1,
    gossipd_isolated: 0,
  });
  expect(scrape.get("gossipd_probes_total")).toBeGreaterThan(10);
});

test("two scrapes tell the same as long as nothing happens", async () => {
  const member = new ScrapedMember(new SerfCluster(), "a");
  const counts = async (): Promise<unknown> =>
    [...(await member.scrape())].filter(([name]) => name.startsWith("gossipd_"));
  expect(await counts()).toEqual(await counts());
});
