interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly 'x-text'?: boolean;
}

/** Tells the fields that the schema marks `x-text`: numbers and booleans in them are the text that was written. */
export function textPointers(schema: object): (pointer: string) => boolean {
  const whole: Schema = schema;
  const patterns = collect(whole, '', whole).map((path) => new RegExp(`^${path}$`));
  return (pointer) => patterns.some((pattern) => pattern.test(pointer));
}

/** Regular expressions of JSON pointers; names of fields are letters, so nothing is to be escaped. */
function collect(field: Schema, path: string, whole: Schema): readonly string[] {
  const schema = whole.$defs?.[field.$ref?.replace('#/$defs/', '') ?? ''] ?? field;
  const { properties = {}, additionalProperties, items } = schema;
  return [
    ...(schema['x-text'] === true ? [path] : []),
    ...Object.entries(properties).flatMap(([name, inner]) => collect(inner, `${path}/${name}`, whole)),
    ...(typeof additionalProperties === 'object'
      ? collect(additionalProperties, `${path}/[^/]+`, whole)
      : []),
    ...(items === undefined ? [] : collect(items, `${path}/\\d+`, whole)),
  ];
}
