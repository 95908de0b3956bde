/** A JSON Schema as far as our OpenAPI document uses it; what else stands in one is refused. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly description?: string;
  readonly default?: unknown;
}

const understood = new Set([
  ...["$ref", "type", "enum", "const", "format", "minimum", "maximum", "items", "properties"],
  ...["required", "additionalProperties", "anyOf", "oneOf", "description", "default"],
]);

/** What is wrong with `value`, with where that is; empty if nothing is. */
export function schemaFaults(
  schema: Schema,
  value: unknown,
  named: Readonly<Record<string, Schema>>,
  at = "$",
): string[] {
  for (const key of Object.keys(schema)) {
    if (!understood.has(key)) return [`${at}: the schema's ${key} is not understood`];
  }
  if (schema.$ref !== undefined) {
    const target = named[schema.$ref.replace("#/components/schemas/", "")];
    if (target === undefined) return [`${at}: there is no ${schema.$ref}`];
    return schemaFaults(target, value, named, at);
  }
  for (const [choices, isRight] of [
    [schema.anyOf, (count: number) => count >= 1],
    [schema.oneOf, (count: number) => count === 1],
  ] as const) {
    if (choices === undefined) continue;
    const results = choices.map((choice) => schemaFaults(choice, value, named, at));
    if (isRight(results.filter(({ length }) => length === 0).length)) continue;
    return [`${at}: none or several of its choices: ${results.flat().join("; ")}`];
  }
  const types = schema.type === undefined ? [] : [schema.type].flat();
  if (types.length > 0 && !types.some((type) => isOf(type, value))) {
    return [`${at}: ${JSON.stringify(value)} is no ${types.join(" or ")}`];
  }
  const faults: string[] = [];
  if (schema.enum !== undefined && !schema.enum.includes(value)) {
    faults.push(`${at}: ${JSON.stringify(value)} is none of ${schema.enum.join(", ")}`);
  }
  if ("const" in schema && value !== schema.const) faults.push(`${at}: is not ${schema.const}`);
  if (typeof value === "string" && schema.format === "date-time" && !isTime(value)) {
    faults.push(`${at}: ${value} is no time`);
  }
  if (Array.isArray(value)) {
    const { items = {} } = schema;
    faults.push(...value.flatMap((item, i) => schemaFaults(items, item, named, `${at}[${i}]`)));
  } else if (typeof value === "object" && value !== null) {
    faults.push(...objectFaults(schema, value, named, at));
  }
  return faults;
}

function objectFaults(
  { additionalProperties = true, properties = {}, required = [] }: Schema,
  value: object,
  named: Readonly<Record<string, Schema>>,
  at: string,
): string[] {
  const missing = required.filter((key) => !Object.hasOwn(value, key));
  return [
    ...missing.map((key) => `${at}: ${key} is missing`),
    ...Object.entries(value).flatMap(([key, item]) => {
      const where = `${at}.${key}`;
      const known = Object.hasOwn(properties, key) ? properties[key] : undefined;
      if (known !== undefined) return schemaFaults(known, item, named, where);
      if (additionalProperties === false) return [`${where}: is not in the schema`];
      return additionalProperties === true
        ? []
        : schemaFaults(additionalProperties, item, named, where);
    }),
  ];
}

function isOf(type: string, value: unknown): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

function isTime(text: string): boolean {
  return (
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/.test(text) && !Number.isNaN(Date.parse(text))
  );
}
