import { type Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';

/** What a host answers on a port of this machine: the text of a 200, else the status before it. */
export function ask(port: number, host: string, agent: Agent | false = false): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const asked = request({ host: '127.0.0.1', port, agent, headers: { Host: host }, timeout: 10_000 });
  asked.on('error', reject);
  asked.on('timeout', () => asked.destroy(new Error('no answer in 10 s')));
  asked.on('response', (answer) => {
    text(answer).then(
      (body) => resolve(answer.statusCode === 200 ? body.trim() : `${answer.statusCode} ${body}`),
      reject,
    );
  });
  asked.end();
  return promise;
}
