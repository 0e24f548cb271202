const longest = 200;

/** Hostile text as evidence: without control characters or marks that turn the direction, at most 200 long. */
export function shorten(text: string): string {
  const head = text.slice(0, longest * 2).trim();
  const escaped = head.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, escapeOne);
  return escaped.length <= longest ? escaped : `${escaped.slice(0, longest - 1).toWellFormed()}…`;
}

function escapeOne(character: string): string {
  const short = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[character];
  return short ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
