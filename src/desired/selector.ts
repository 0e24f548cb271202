type Labels = Readonly<Record<string, string>>;

/** `team=web,tier!=db,canary,!legacy`: all of them must hold; undefined when it cannot be read. */
export function parseSelector(text: string): ((labels: Labels) => boolean) | undefined {
  const terms = text.split(',').map((part) => parseTerm(part.trim()));
  return terms.includes(undefined) ? undefined : (labels) => terms.every((holds) => holds?.(labels));
}

function parseTerm(part: string): ((labels: Labels) => boolean) | undefined {
  const match = /^(?<not>!)?(?<key>[\w./-]+)(?:(?<operator>!=|==?)(?<value>[\w./-]*))?$/.exec(part)?.groups;
  const { not, key = '', operator, value = '' } = match ?? {};
  if (!match || (not !== undefined && operator !== undefined)) return undefined;
  const found = (labels: Labels) => (Object.hasOwn(labels, key) ? labels[key] : undefined);
  if (operator === '!=') return (labels) => found(labels) !== value;
  if (operator !== undefined) return (labels) => found(labels) === value;
  return (labels) => (found(labels) === undefined) === (not !== undefined);
}
