import type { Stage } from './stage.ts';

/** What can be done to Caddy from outside, whatever the controller is about. */
export const damages: Readonly<Record<string, (stage: Stage) => Promise<unknown>>> = {
  'killed and started with nothing': async ({ host: { caddy } }) => {
    await caddy.kill();
    await caddy.run();
  },
  emptied: ({ host: { caddy } }) =>
    caddy.askAdmin('/load', JSON.stringify({ admin: { listen: `127.0.0.1:${caddy.adminPort}` } })),
  edited: async ({ host: { caddy } }) => {
    const name = await serverOf(caddy);
    await caddy.askAdmin(`/config/apps/http/servers/${name}/routes/0`, undefined, 'DELETE');
  },
  'given a foreign route': async ({ host: { caddy } }) => {
    const name = await serverOf(caddy);
    const route = { match: [{ host: ['nobody.test'] }], handle: [{ handler: 'static_response', body: 'x' }] };
    await caddy.askAdmin(`/config/apps/http/servers/${name}/routes/0`, JSON.stringify(route), 'PUT');
  },
};

type Admin = Stage['host']['caddy'];

/** The server that listens for the apps. */
async function serverOf(caddy: Admin): Promise<string> {
  const { body } = await caddy.askAdmin('/config/apps/http/servers');
  const servers = Object.entries(JSON.parse(body) as Record<string, unknown>);
  const [name] = servers.find(([, server]) => JSON.stringify(server).includes('api.test')) ?? [];
  if (name === undefined) throw new Error(`no server of ours: ${body}`);
  return name;
}
