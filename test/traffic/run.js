// npm run test:lb [-- --full] [vitest's arguments]: the load balancer's tests with real proxies. The quick
// set is what CI runs; --full takes all rounds, sizes and kinds of clients.
import { spawnSync } from "node:child_process";

const given = process.argv.slice(2);
const args = ["vitest", "run", "--project", "traffic", ...given.filter((one) => one !== "--full")];
const env = { ...process.env, ...(given.includes("--full") ? { TEST_LB_FULL: "1" } : {}) };
const { status } = spawnSync("npx", args, { stdio: "inherit", env });
process.exit(status ?? 1);
