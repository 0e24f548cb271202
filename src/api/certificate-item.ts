import type { Domain } from '../desired/app.ts';
import type { ConditionItem } from './app-item.ts';
import type { ControllerPort } from './controller-port.ts';
import { timeText } from './time-text.ts';

type Place = Pick<Domain, 'host' | 'tls'>;

/** The certificate that Caddy shows for a host. */
export async function certificateItem({ machine }: ControllerPort, { host, tls }: Place) {
  if (tls === 'off') return { status: 'off' as const, issuer: null, notAfter: null, error: null };
  const { status, issuer, notAfter, error } = await machine.certificate(host);
  return { status, issuer: issuer ?? null, notAfter: timeText(notAfter), error: error ?? null };
}

/** `CertificateReady` of an app that has domains with TLS; the worst of them is told. */
export async function certificateCondition(
  { machine }: ControllerPort,
  domains: readonly Place[],
): Promise<readonly ConditionItem[]> {
  const hosts = [...new Set(domains.filter(({ tls }) => tls !== 'off').map(({ host }) => host))];
  if (hosts.length === 0) return [];
  const found = await Promise.all(
    hosts.map(async (host) => ({ host, ...(await machine.certificate(host)) })),
  );
  const worst = order
    .map((status) => found.find((one) => one.status === status))
    .find((one) => one !== undefined);
  if (!worst) throw new Error('a certificate of no known status');
  const since = Math.max(...found.filter(({ status }) => status === worst.status).map((one) => one.since));
  return [{ type: 'CertificateReady', ...said(worst), lastTransitionTime: timeText(since) }];
}

const order = ['expired', 'missing', 'unknown', 'expiring', 'valid'] as const;

function said({
  host,
  status,
  issuer = '',
  error = '',
}: {
  readonly host: string;
  readonly status: (typeof order)[number];
  readonly issuer?: string;
  readonly error?: string;
}): Pick<ConditionItem, 'status' | 'reason' | 'message'> {
  switch (status) {
    case 'valid':
      return { status: 'True', reason: 'Valid', message: issuer === '' ? host : `${host}: by ${issuer}` };
    case 'expiring':
      return { status: 'True', reason: 'Expiring', message: `${host}: ${error}` };
    case 'expired':
      return { status: 'False', reason: 'Expired', message: `${host}: ${error}` };
    case 'missing':
      return { status: 'False', reason: 'Missing', message: `${host}: ${error}` };
    case 'unknown':
      return { status: 'Unknown', reason: 'NotObserved', message: `${host}: ${error}` };
    default:
      return status satisfies never;
  }
}
