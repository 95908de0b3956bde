import { testLab } from "./lab/behaviour.js";
import { Lab } from "./lab/lab.js";

testLab(new Lab({ file: "docker-compose.yml" }), "lab");
