import openapi from "../../src/http/openapi.json" with { type: "json" };
import { type Schema, schemaFaults } from "../support/json-schema.js";

export { openapi };

interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }>
  >;
}

/** What the document says of each path, by method in lower case. */
export const paths = openapi.paths as unknown as Readonly<
  Record<string, Readonly<Record<string, Operation>>>
>;

const schemas = openapi.components.schemas as Readonly<Record<string, Schema>>;

/** In what `value` is not as the schema of that name says. */
export function schemaFaultsOf(name: string, value: unknown): string[] {
  return schemaFaults(schemas[name] as Schema, value, schemas);
}

/** In what an answer is not as the document says; `type` is without parameters. */
export function documentedFaults(
  method: string,
  path: string,
  status: number,
  type: string,
  text: string,
): string[] {
  const operation = paths[path.replace(/\?.*/, "")]?.[method.toLowerCase()];
  const schema = operation?.responses[String(status)]?.content[type]?.schema;
  if (schema === undefined) return [`${method} ${path} ${status} with ${type} is not documented`];
  if (type === "text/event-stream") return [];
  return schemaFaults(schema, type === "application/json" ? JSON.parse(text) : text, schemas);
}
