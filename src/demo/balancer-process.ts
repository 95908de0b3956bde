import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { reasonOf } from "../base/errors.js";
import { backendAddress, parseBackendList } from "./backend-list.js";
import { Balancer } from "./balancer.js";

/**
 * The process `main.js balancer IP PORT STATUS-PORT LIST`: serves on PORT the backends of the file
 * LIST, which SIGHUP has it read again, and tells on STATUS-PORT which these are.
 */
export function runBalancer(args: readonly string[]): void {
  const [ip = "", port = "", statusPort = "", list = ""] = args;
  const balancer = new Balancer();
  const read = () => {
    try {
      balancer.use(parseBackendList(readFileSync(list, "utf8")));
    } catch (error) {
      process.stdout.write(`kept the backends as they were: ${reasonOf(error)}\n`);
    }
  };
  read();
  process.on("SIGHUP", read);
  const status = createServer((_, response) => {
    response.end(`${balancer.backends.map(backendAddress).join("\n")}\n`);
  });
  status.listen(Number(statusPort), ip, () => {
    balancer.server.listen(Number(port), ip, () => process.stdout.write("listening\n"));
  });
}
