import { createHash } from 'node:crypto';
import type { DocumentOperation, OpenApiDocument } from './openapi-document.ts';
import type { Schema } from './schema.ts';

const style = `
:root{color-scheme:light dark;--line:#8885;--soft:#8882;--accent:light-dark(#0a5c8a,#7cc4ee)}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:62rem;padding:1rem}
h1,h2,h3{line-height:1.2}h2{border-bottom:1px solid var(--line);padding-bottom:.3rem;margin-top:2.5rem}
a{color:var(--accent)}code,pre{font:14px/1.45 ui-monospace,monospace;background:var(--soft);border-radius:4px}
code{padding:.1em .3em}pre{padding:.7rem;overflow-x:auto}pre code{padding:0;background:none}
details{border:1px solid var(--line);border-radius:6px;margin:.6rem 0;padding:0 .8rem}
summary{cursor:pointer;padding:.6rem 0}summary b{display:inline-block;min-width:3.2rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1rem}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid var(--line)}
nav ul{columns:2;padding-left:1.2rem}@media(max-width:40rem){nav ul{columns:1}}
`;

/** For the policy of the page: no other style is let in, and no script at all. */
export const docsStyleHash = `sha256-${createHash('sha256').update(style).digest('base64')}`;

/** The document for people; plain HTML, so that it is read without scripts. */
export function docsPage(document: OpenApiDocument): string {
  const { info, tags, paths, components } = document;
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const groups = tags.map(({ name, description }) => {
    const mine = operations.filter(({ operation }) => operation.tags.includes(name));
    return `<h2 id="${escapeHtml(name)}">${escapeHtml(name)}</h2><p>${escapeHtml(description)}</p>${mine.map(section).join('')}`;
  });
  const links = operations.map(
    ({ path, method, operation }) =>
      `<li><a href="#${escapeHtml(operation.operationId)}"><code>${method} ${escapeHtml(path)}</code></a></li>`,
  );
  const schemas = Object.entries(components.schemas).map(
    ([name, schema]) =>
      `<details id="schema-${escapeHtml(name)}"><summary><b>${escapeHtml(name)}</b></summary>${fieldTable(schema)}</details>`,
  );
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(info.title)} API ${escapeHtml(info.version)}</title><style>${style}</style></head><body>
<h1>${escapeHtml(info.title)} API <small>${escapeHtml(info.version)}</small></h1>
${info.description
  .split('\n\n')
  .map((text) => `<p>${prose(text)}</p>`)
  .join('')}
<p>For machines: <a href="openapi.json">openapi.json</a> (OpenAPI ${escapeHtml(document.openapi)}).</p>
<nav><ul>${links.join('')}</ul></nav>
${groups.join('\n')}
<h2 id="schemas">schemas</h2>${schemas.join('\n')}
</body></html>
`;
}

interface Shown {
  readonly path: string;
  readonly method: string;
  readonly operation: DocumentOperation;
}

function section({ path, method, operation }: Shown): string {
  const { operationId, summary, description = '', parameters, requestBody, responses } = operation;
  const body = requestBody?.content['application/json'];
  const rows = parameters.map(
    ({ name, in: place, schema, description: told }) =>
      `<tr><td><code>${escapeHtml(name)}</code></td><td>${place}</td><td>${typeOf(schema)}</td><td>${prose(told)}</td></tr>`,
  );
  const answers = Object.entries(responses).map(([status, response]) => {
    const types = Object.entries(response.content ?? {}).map(
      ([type, { schema }]) => `<code>${escapeHtml(type)}</code> ${typeOf(schema)}`,
    );
    const told = response.$ref === undefined ? prose(response.description ?? '') : 'a problem';
    return `<tr><td>${status}</td><td>${told}</td><td>${types.join('<br>')}</td></tr>`;
  });
  return `<details id="${escapeHtml(operationId)}"><summary><b>${method}</b> <code>${escapeHtml(path)}</code> ${prose(summary)}</summary>
${description
  .split('\n\n')
  .map((text) => `<p>${prose(text)}</p>`)
  .join('')}
${rows.length === 0 ? '' : `<table><tr><th>parameter</th><th>in</th><th>type</th><th></th></tr>${rows.join('')}</table>`}
${body ? `<h3>Body</h3>${fieldTable(body.schema)}<pre><code>${escapeHtml(JSON.stringify(body.example, null, 2))}</code></pre>` : ''}
<h3>Answers</h3><table>${answers.join('')}</table></details>`;
}

function fieldTable(schema: Schema): string {
  const fields = Object.entries((schema.properties ?? {}) as Readonly<Record<string, Schema>>);
  if (fields.length === 0) return `<p>${typeOf(schema)}</p>`;
  const required = (schema.required ?? []) as readonly string[];
  const rows = fields.map(
    ([name, field]) =>
      `<tr><td><code>${escapeHtml(name)}</code>${required.includes(name) ? '' : ' (optional)'}</td><td>${typeOf(field)}</td><td>${prose(String(field.description ?? ''))}</td></tr>`,
  );
  return `<table>${rows.join('')}</table>`;
}

function typeOf(schema: Schema): string {
  const { $ref, anyOf, items, type } = schema;
  if (typeof $ref === 'string') {
    const name = escapeHtml($ref.slice($ref.lastIndexOf('/') + 1));
    return `<a href="#schema-${name}">${name}</a>`;
  }
  if (Array.isArray(anyOf)) return anyOf.map((one: Schema) => typeOf(one)).join(' or ');
  if (Array.isArray(schema.enum))
    return schema.enum.map((word) => `<code>${escapeHtml(String(word))}</code>`).join(', ');
  if (type === 'array') return `list of ${typeOf((items ?? {}) as Schema)}`;
  return escapeHtml([type ?? 'any'].flat().join(' or '));
}

/** Escaped, with `code` as code. */
function prose(text: string): string {
  return escapeHtml(text).replace(/`([^`]*)`/g, '<code>$1</code>');
}

function escapeHtml(text: string): string {
  const written: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (char) => written[char] ?? char);
}
