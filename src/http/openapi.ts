import openapi from "./openapi.json" with { type: "json" };

/** What the server does, for programs (OpenAPI 3.1). */
export { openapi };
