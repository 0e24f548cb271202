import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A certificate for 127.0.0.1 that nobody vouches for but who trusts this file of it. */
export interface SelfSigned {
  readonly file: string;
  readonly cert: string;
  readonly key: string;
}

/** Makes one in the folder, for two days. */
export function selfSigned(folder: string): SelfSigned {
  const [key, file] = [join(folder, 'certificate.key'), join(folder, 'certificate.pem')];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const files = ['-keyout', key, '-out', file];
  execFileSync('openssl', ['req', '-x509', ...kind, ...subject, ...files], { stdio: 'pipe' });
  return { file, cert: readFileSync(file, 'utf8'), key: readFileSync(key, 'utf8') };
}
