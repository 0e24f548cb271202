/**
 * Puts a data key together from its parts: each is the values of polynomials over GF(2^8), a byte each, at the
 * point that its last byte names; the key is their values at 0. Undefined when the parts do not belong together.
 */
export function combineShares(shares: readonly Uint8Array[]): Uint8Array | undefined {
  const [first] = shares;
  if (first === undefined || first.length < 2 || shares.length < 2) return undefined;
  const points = shares.map((share) => share.at(-1) ?? 0);
  const isSound =
    shares.every(({ length }) => length === first.length) &&
    !points.includes(0) &&
    new Set(points).size === points.length;
  if (!isSound) return undefined;
  const weights = points.map((point) =>
    points
      .filter((other) => other !== point)
      .reduce((weight, other) => multiply(weight, divide(other, other ^ point)), 1),
  );
  return Uint8Array.from({ length: first.length - 1 }, (_, at) =>
    shares.reduce((sum, share, index) => sum ^ multiply(share[at] ?? 0, weights[index] ?? 0), 0),
  );
}

/** In the field of AES: modulo x^8 + x^4 + x^3 + x + 1. */
function multiply(a: number, b: number): number {
  let product = 0;
  let shifted = a;
  for (let rest = b; rest > 0; rest >>= 1) {
    if (rest & 1) product ^= shifted;
    shifted = (shifted << 1) ^ (shifted & 0x80 ? 0x11b : 0);
  }
  return product;
}

/** Every element but 0 has its inverse in its 254th power. */
function divide(a: number, b: number): number {
  let inverse = 1;
  for (let times = 0; times < 254; times++) inverse = multiply(inverse, b);
  return multiply(a, inverse);
}
