import { expect, test } from "vitest";
import { ConfigText } from "../../src/lb/haproxy/config-text.js";
import { refuseSharedBackends } from "../../src/lb/haproxy/pool-text.js";

const markers = (pool: string): string => `# gossipd begin ${pool}\n# gossipd end ${pool}\n`;

function judge(text: string): void {
  refuseSharedBackends(new ConfigText(text).places(["web", "api"], "proxy.cfg"), "proxy.cfg");
}

test("two pools of slots in one backend are refused, in words that say what to do", () => {
  expect(() => judge(`backend all\n${markers("web")}${markers("api")}`)).toThrow(
    'proxy.cfg: the pools web and api stand in "backend all": give each a backend of its own, or set mode to "dynamic"',
  );
  judge(`backend one\n${markers("web")}backend two\n${markers("api")}`);
});
