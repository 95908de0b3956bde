import { stateCommand } from "../state-command.js";

export const maintCommand = stateCommand({
  name: "maint",
  about:
    "Takes NODE, by default the member of the running agent, out of the load balancers at once, without waiting for requests under way, and keeps it out until ready. The member gets the tag state=maint. The exit code is 1 if a load balancer did not acknowledge it in time.",
  state: "maint",
  wanted: "out",
  outcome: "gets no requests any more",
});
