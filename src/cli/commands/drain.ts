import { stateCommand } from "../state-command.js";

export const drainCommand = stateCommand({
  name: "drain",
  about:
    "Has the load balancers of the cluster send no new requests to NODE, by default the member of the running agent, and waits until those under way have ended. The member gets the tag state=draining and stays; take it back with ready. Load balancers are the members with a tag balancer. The exit code is 1 if one of them did not acknowledge it in time.",
  state: "draining",
  wanted: "out",
  outcome: "gets no requests any more",
});
