import { domainToASCII } from 'node:url';

const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const hostPattern = new RegExp(`^(?:${label}\\.)*${label}$`);

/** A DNS name, also `*.example.com`, in lower case and punycode. Nothing that Caddy could read otherwise passes. */
export function parseHost(text: string): string | undefined {
  const wildcard = text.startsWith('*.') ? '*.' : '';
  const name = text.slice(wildcard.length);
  // `domainToASCII` accepts more than names: ports, percent escapes, brackets.
  if (name.length > 253 || /[^A-Za-z0-9.\-\u0080-\u{10ffff}]/u.test(name)) return undefined;
  const host = domainToASCII(name).toLowerCase();
  const isAddress = /(?:^|\.)\d+$/.test(host);
  // Nobody can own a name under it (https://www.rfc-editor.org/rfc/rfc2606); one of them we ask Caddy ourselves.
  const isNobodys = /(?:^|\.)invalid$/.test(host);
  if (host.length > 253 || isAddress || isNobodys || !hostPattern.test(host)) return undefined;
  return wildcard + host;
}

/** An IPv4 or IPv6 address in its one usual form. */
export function parseAddress(text: string): string | undefined {
  const v4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (v4 !== null) {
    return v4.slice(1).every((part) => Number(part) < 256 && String(Number(part)) === part)
      ? text
      : undefined;
  }
  if (!/^[0-9a-fA-F:.]{2,45}$/.test(text) || !URL.canParse(`http://[${text}]/`)) return undefined;
  return new URL(`http://[${text}]/`).hostname.slice(1, -1);
}

/** An address or CIDR range, as CIDR. */
export function parseRange(text: string): string | undefined {
  const parts = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text);
  const address = parseAddress(parts?.[1] ?? '');
  if (address === undefined) return undefined;
  const bits = address.includes(':') ? 128 : 32;
  const prefix = Number(parts?.[2] ?? bits);
  return prefix <= bits ? `${address}/${prefix}` : undefined;
}
