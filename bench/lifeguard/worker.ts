import { parentPort } from "node:worker_threads";
import { type Job, run } from "./jobs.js";

parentPort?.on("message", (job: Job) => parentPort?.postMessage(run(job)));
