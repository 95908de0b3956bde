#!/usr/bin/env node
import module from "node:module";
import { fileURLToPath } from "node:url";

// Compiled code is kept where the program is, so that only who may change the program may change it.
// Node has this from 22.1 on; where the directory cannot be written it does nothing.
module.enableCompileCache?.(fileURLToPath(new URL("../dist/.compile-cache", import.meta.url)));

await import("../dist/cli/start.js");
