import { stateCommand } from "../state-command.js";

export const readyCommand = stateCommand({
  name: "ready",
  about:
    "Takes back what drain or maint did: NODE, by default the member of the running agent, loses its tag state, and load balancers send requests to it again. The exit code is 1 if one of them did not acknowledge it in time.",
  state: "ready",
  wanted: "serving",
  outcome: "gets requests",
});
