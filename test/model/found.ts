import type { Schedule } from './schedule.ts';

/** Schedules that once broke a rule, as short as they could be made. */
export const found: readonly { readonly name: string; readonly schedule: Schedule }[] = [
  {
    name: 'a release from before a rename is returned to under the new name',
    schedule: {
      seed: 58,
      slots: 4,
      events: [
        {
          kind: 'commit',
          changes: [
            {
              slot: 0,
              kind: 'write',
              sketch: { image: 'none:1', replicas: 2, port: 9090, leaveDrift: true, pause: true },
            },
            {
              slot: 1,
              kind: 'write',
              sketch: { image: 'good:3', replicas: 2, unrouted: true, surge: 2, bake: 5000, port: 9090 },
            },
            { slot: 2, kind: 'write', sketch: { image: 'good:3', replicas: 1, token: '2222' } },
            { slot: 3, kind: 'write', sketch: { image: 'good:1', replicas: 1, hooks: true } },
          ],
        },
        { kind: 'look', most: 1000, order: 971760 },
        { kind: 'look', most: 1000, order: 962556 },
        { kind: 'look', most: 1000, order: 638117 },
        { kind: 'look', most: 0, order: 514797 },
        { kind: 'look', most: 1000, order: 787813 },
        { kind: 'wait' },
        { kind: 'crash', after: 4, order: 110091, done: true },
        {
          kind: 'commit',
          changes: [
            { slot: 1, kind: 'break' },
            {
              slot: 2,
              kind: 'write',
              sketch: { image: 'flap:3', replicas: 0, stopFirst: true },
              rename: true,
            },
            { slot: 3, kind: 'write', sketch: { image: 'good:2', replicas: 0 } },
          ],
        },
        {
          kind: 'commit',
          changes: [
            {
              slot: 1,
              kind: 'write',
              sketch: { image: 'good:2', replicas: 2, port: 9090, file: 'one', needs: 'healthy' },
            },
            {
              slot: 2,
              kind: 'write',
              sketch: {
                image: 'mute:2',
                replicas: 1,
                hostPort: true,
                stopFirst: true,
                unrouted: true,
                surge: 2,
                port: 9090,
                file: 'one',
              },
            },
            { slot: 3, kind: 'break' },
          ],
        },
      ],
    },
  },
  {
    name: 'a suspension that ends by itself is looked at when it ends',
    schedule: {
      seed: 84,
      slots: 3,
      events: [
        {
          kind: 'commit',
          changes: [
            {
              slot: 0,
              kind: 'write',
              sketch: { image: 'good:2', replicas: 3, unrouted: true, surge: 2, bake: 5000 },
            },
            {
              slot: 1,
              kind: 'write',
              sketch: {
                image: 'good:3',
                replicas: 1,
                stopFirst: true,
                bake: 5000,
                port: 9090,
                file: 'two',
                volumes: true,
                hooks: true,
              },
            },
            {
              slot: 2,
              kind: 'write',
              sketch: {
                image: 'exit:3',
                replicas: 2,
                unrouted: true,
                bake: 5000,
                file: 'one',
                needs: 'started',
                leaveDrift: true,
              },
            },
          ],
        },
        { kind: 'operator', verb: 'suspend for a minute', slot: 1 },
      ],
    },
  },
  {
    name: 'nobody comes up at an address that is dialled for another app',
    schedule: {
      seed: 156,
      slots: 3,
      events: [
        {
          kind: 'commit',
          changes: [
            { slot: 0, kind: 'write', sketch: { image: 'good:1', replicas: 2, prune: 'never' } },
            { slot: 1, kind: 'write', sketch: { image: 'good:2', replicas: 1 } },
            { slot: 2, kind: 'write', sketch: { image: 'good:2', replicas: 1, approval: true } },
          ],
        },
        { kind: 'look', most: 1000, order: 102038 },
        { kind: 'fail calls', how: 'transient', times: 1 },
        { kind: 'look', most: 4, order: 95123 },
        { kind: 'wait' },
        { kind: 'container', what: 'ends', nth: 11 },
        { kind: 'wait' },
        { kind: 'look', most: 1000, order: 225247 },
        { kind: 'wait' },
        { kind: 'look', most: 1000, order: 994981 },
        { kind: 'look', most: 1000, order: 904746 },
        { kind: 'container', what: 'runs out of memory', nth: 3 },
        { kind: 'look', most: 1000, order: 712980 },
        { kind: 'look', most: 1000, order: 200902 },
        {
          kind: 'commit',
          changes: [
            { slot: 0, kind: 'delete' },
            {
              slot: 1,
              kind: 'write',
              sketch: { image: 'quit:2', replicas: 2, stopFirst: true, surge: 2, file: 'two', token: '1111' },
            },
          ],
        },
      ],
    },
  },
  {
    name: 'a job that has ended takes over from the one before it',
    schedule: {
      seed: 178,
      slots: 3,
      events: [
        {
          kind: 'commit',
          changes: [
            {
              slot: 0,
              kind: 'write',
              sketch: { image: 'slow:2', replicas: 1, stopFirst: true, surge: 2, bake: 5000 },
            },
            {
              slot: 1,
              kind: 'write',
              sketch: {
                image: 'quit:3',
                replicas: 1,
                stopFirst: true,
                surge: 2,
                bake: 5000,
                port: 9090,
                needs: 'healthy',
                pullAlways: true,
              },
            },
            {
              slot: 2,
              kind: 'write',
              sketch: {
                image: 'good:1',
                replicas: 2,
                unrouted: true,
                surge: 2,
                leaveDrift: true,
                pause: true,
                pullAlways: true,
              },
            },
          ],
        },
        { kind: 'look', most: 1000, order: 443313 },
        { kind: 'wait' },
        { kind: 'wait' },
        { kind: 'copy labels', nth: 4 },
        {
          kind: 'commit',
          changes: [{ slot: 1, kind: 'write', sketch: { image: 'good:3', replicas: 2, unrouted: true } }],
        },
        { kind: 'crash', after: 3, order: 375657, done: false },
        { kind: 'look', most: 1000, order: 508574 },
        {
          kind: 'commit',
          changes: [
            {
              slot: 0,
              kind: 'write',
              sketch: { image: 'hang:2', replicas: 2, unrouted: true, volumes: true, restart: 'on-failure' },
            },
            {
              slot: 1,
              kind: 'write',
              sketch: { image: 'good:1', replicas: 1, hostPort: true, leaveDrift: true, approval: true },
            },
            {
              slot: 2,
              kind: 'write',
              sketch: { image: 'good:1', replicas: 2, needs: 'healthy', leaveDrift: true },
            },
          ],
        },
        { kind: 'wait' },
        { kind: 'look', most: 1000, order: 884560 },
        { kind: 'copy labels', nth: 11 },
        { kind: 'container', what: 'ends', nth: 10 },
      ],
    },
  },
  {
    name: 'what waits for an app without replicas to be started does not wait for ever',
    schedule: {
      seed: 21,
      slots: 3,
      events: [
        {
          kind: 'commit',
          changes: [
            {
              slot: 0,
              kind: 'write',
              sketch: { image: 'good:1', replicas: 1, stopFirst: true, volumes: true, hooks: true },
            },
            { slot: 1, kind: 'write', sketch: { image: 'good:3', replicas: 0 } },
            {
              slot: 2,
              kind: 'write',
              sketch: { image: 'good:1', replicas: 2, stopFirst: true, file: 'two', needs: 'started' },
            },
          ],
        },
      ],
    },
  },
  {
    name: 'who serves keeps its routes when Caddy was edited while a replica is being replaced',
    schedule: {
      seed: 79,
      slots: 2,
      events: [
        { kind: 'look', most: 1000, order: 302055 },
        {
          kind: 'commit',
          changes: [
            {
              slot: 0,
              kind: 'write',
              sketch: { image: 'slow:1', replicas: 2, bake: 5000, port: 9090, hooks: true },
            },
            {
              slot: 1,
              kind: 'write',
              sketch: {
                image: 'none:3',
                replicas: 1,
                surge: 2,
                hooks: true,
                needs: 'started',
                pullAlways: true,
              },
              rename: true,
            },
          ],
        },
        { kind: 'look', most: 1000, order: 208105 },
        { kind: 'look', most: 1000, order: 713516 },
        { kind: 'wait' },
        { kind: 'wait' },
        {
          kind: 'commit',
          changes: [
            {
              slot: 1,
              kind: 'write',
              sketch: { image: 'good:2', replicas: 1, bake: 5000, needs: 'started' },
            },
          ],
        },
        { kind: 'look', most: 1000, order: 23758 },
        { kind: 'container', what: 'runs out of memory', nth: 10 },
        { kind: 'look', most: 1000, order: 379804 },
        { kind: 'look', most: 1000, order: 650527 },
        { kind: 'look', most: 1000, order: 802276 },
        { kind: 'look', most: 1000, order: 365270 },
        { kind: 'hand', what: 'update', nth: 10 },
        { kind: 'proxy', what: 'is edited' },
      ],
    },
  },
  {
    name: 'a container whose address was given away meanwhile is made again',
    schedule: {
      seed: 650,
      slots: 3,
      events: [
        {
          kind: 'commit',
          changes: [
            {
              slot: 0,
              kind: 'write',
              sketch: { image: 'good:3', replicas: 2, stopFirst: true, surge: 2, token: '1111', hooks: true },
            },
            {
              slot: 1,
              kind: 'write',
              sketch: { image: 'hang:3', replicas: 1, stopFirst: true, volumes: true, needs: 'healthy' },
            },
            { slot: 2, kind: 'write', sketch: { image: 'good:3', replicas: 1, surge: 2, volumes: true } },
          ],
        },
        { kind: 'look', most: 4, order: 49774 },
        { kind: 'wait' },
        { kind: 'fail calls', how: 'terminal', times: 2 },
        {
          kind: 'commit',
          changes: [
            { slot: 0, kind: 'write', sketch: { image: 'good:2', replicas: 2 } },
            { slot: 1, kind: 'write', sketch: { image: 'good:1', replicas: 2, bake: 5000, pause: true } },
          ],
        },
        { kind: 'wait' },
        { kind: 'memory', what: 'older' },
        { kind: 'look', most: 3, order: 28713 },
        { kind: 'wait' },
      ],
    },
  },
  {
    name: 'a first release that fails is drained all the same',
    schedule: {
      seed: 74,
      slots: 3,
      events: [
        { kind: 'look', most: 1000, order: 370748 },
        {
          kind: 'commit',
          changes: [
            { slot: 0, kind: 'write', sketch: { image: 'slow:2', replicas: 2, stopped: true } },
            { slot: 1, kind: 'write', sketch: { image: 'slow:3', replicas: 2, bake: 5000 } },
            {
              slot: 2,
              kind: 'write',
              sketch: { image: 'good:3', replicas: 1, hostPort: true, unrouted: true, surge: 2 },
            },
          ],
        },
        { kind: 'look', most: 1000, order: 601203 },
        { kind: 'look', most: 1000, order: 493280 },
        { kind: 'wait' },
        { kind: 'look', most: 1000, order: 233684 },
        { kind: 'crash', after: 5, order: 644337, done: true },
        { kind: 'container', what: 'stays sick', nth: 6 },
        { kind: 'look', most: 2, order: 387530 },
      ],
    },
  },
  {
    name: 'what git removes before it was ever proven is drained all the same',
    schedule: {
      seed: 140,
      slots: 4,
      events: [
        {
          kind: 'commit',
          changes: [
            { slot: 0, kind: 'write', sketch: { image: 'good:2', replicas: 1 } },
            {
              slot: 3,
              kind: 'write',
              sketch: { image: 'good:1', replicas: 1, hostPort: true, needs: 'started' },
            },
          ],
        },
        { kind: 'look', most: 1000, order: 359031 },
        {
          kind: 'commit',
          changes: [
            {
              slot: 1,
              kind: 'write',
              sketch: {
                image: 'good:1',
                replicas: 3,
                unrouted: true,
                bake: 5000,
                file: 'one',
                volumes: true,
                needs: 'started',
                pullAlways: true,
              },
              rename: true,
            },
            {
              slot: 2,
              kind: 'write',
              sketch: { image: 'good:2', replicas: 2, surge: 2, volumes: true, hooks: true, pause: true },
            },
          ],
        },
        { kind: 'wait' },
        { kind: 'wait' },
        { kind: 'wait' },
        { kind: 'look', most: 1000, order: 359700 },
        { kind: 'look', most: 1000, order: 245213 },
        { kind: 'proxy', what: 'goes' },
        {
          kind: 'commit',
          changes: [
            { slot: 1, kind: 'break' },
            {
              slot: 2,
              kind: 'write',
              sketch: { image: 'good:2', replicas: 0, bake: 5000, volumes: true, prune: 'confirm' },
            },
            { slot: 3, kind: 'delete' },
          ],
        },
      ],
    },
  },
  {
    name: 'a repair that waits for the retry of another step is not written down again and again',
    schedule: {
      seed: 748,
      slots: 4,
      events: [
        { kind: 'look', most: 1000, order: 418662 },
        {
          kind: 'commit',
          changes: [
            {
              slot: 2,
              kind: 'write',
              sketch: { image: 'good:1', replicas: 2, unrouted: true, token: '2222' },
            },
          ],
        },
        { kind: 'wait' },
        { kind: 'look', most: 1000, order: 977547 },
        { kind: 'crash', after: 5, order: 736591, done: false },
        { kind: 'look', most: 1000, order: 742142 },
        { kind: 'fail calls', how: 'unreachable', times: 1 },
        { kind: 'container', what: 'runs out of memory', nth: 6 },
        {
          kind: 'commit',
          changes: [
            {
              slot: 2,
              kind: 'write',
              sketch: { image: 'bad:1', replicas: 2, volumes: true, restart: 'on-failure' },
            },
            {
              slot: 3,
              kind: 'write',
              sketch: {
                image: 'good:2',
                replicas: 3,
                surge: 2,
                bake: 5000,
                needs: 'healthy',
                leaveDrift: true,
              },
            },
          ],
        },
        { kind: 'tick', ms: 900000 },
        { kind: 'look', most: 1000, order: 827542 },
      ],
    },
  },
  {
    name: 'a container that never is what was asked for is replaced once and not for ever',
    schedule: {
      seed: 64,
      slots: 2,
      events: [
        {
          kind: 'commit',
          changes: [
            { slot: 0, kind: 'write', sketch: { image: 'good:1', replicas: 1 } },
            {
              slot: 1,
              kind: 'write',
              sketch: { image: 'odd:1', replicas: 2, surge: 2, port: 9090, volumes: true },
            },
          ],
        },
        { kind: 'crash', after: 5, order: 458516, done: true },
        { kind: 'look', most: 4, order: 137930 },
        { kind: 'wait' },
        { kind: 'crash', after: 5, order: 631583, done: true },
        { kind: 'look', most: 4, order: 774419 },
        { kind: 'look', most: 1000, order: 294493 },
        {
          kind: 'commit',
          changes: [
            {
              slot: 0,
              kind: 'write',
              sketch: {
                image: 'good:1',
                replicas: 1,
                surge: 2,
                file: 'two',
                volumes: true,
                pullAlways: true,
                restart: 'never',
              },
            },
            { slot: 1, kind: 'write', sketch: { image: 'odd:2', replicas: 3, bake: 5000, needs: 'started' } },
          ],
        },
      ],
    },
  },
  {
    name: 'who serves is dialled where it listens, though it never was the last healthy one',
    schedule: {
      seed: 271,
      slots: 4,
      events: [
        {
          kind: 'commit',
          changes: [
            {
              slot: 0,
              kind: 'write',
              sketch: { image: 'hook:3', replicas: 0, stopFirst: true, surge: 2, pullAlways: true },
            },
            { slot: 1, kind: 'write', sketch: { image: 'good:2', replicas: 1, bake: 5000, token: '1111' } },
            {
              slot: 2,
              kind: 'write',
              sketch: { image: 'good:2', replicas: 1, stopFirst: true, token: '1111' },
            },
            {
              slot: 3,
              kind: 'write',
              sketch: { image: 'good:1', replicas: 3, bake: 5000, port: 9090, leaveDrift: true },
            },
          ],
        },
        { kind: 'look', most: 1000, order: 147467 },
        { kind: 'wait' },
        { kind: 'look', most: 1000, order: 634118 },
        { kind: 'look', most: 0, order: 512781 },
        { kind: 'look', most: 1000, order: 454302 },
        { kind: 'wait' },
        {
          kind: 'commit',
          changes: [
            { slot: 1, kind: 'write', sketch: { image: 'good:1', replicas: 1, hooks: true } },
            { slot: 3, kind: 'write', sketch: { image: 'oom:1', replicas: 2, token: '1111' } },
          ],
        },
      ],
    },
  },
  {
    name: 'replicas that never are what was asked for do not replace each other by turns',
    schedule: {
      seed: 612,
      slots: 3,
      events: [
        {
          kind: 'commit',
          changes: [
            {
              slot: 0,
              kind: 'write',
              sketch: { image: 'flap:2', replicas: 2, unrouted: true, volumes: true, prune: 'confirm' },
            },
            { slot: 1, kind: 'write', sketch: { image: 'odd:1', replicas: 3, stopFirst: true } },
            { slot: 2, kind: 'delete' },
          ],
        },
      ],
    },
  },
  {
    name: 'routes that are taken over from a former name are told apart by the flags of the new one',
    schedule: {
      seed: 50018,
      slots: 4,
      events: [
        {
          kind: 'commit',
          changes: [
            { slot: 0, kind: 'delete' },
            {
              slot: 1,
              kind: 'write',
              sketch: { image: 'good:2', replicas: 1, surge: 2, volumes: true, pullAlways: true },
            },
          ],
        },
        { kind: 'look', most: 2, order: 249211 },
        { kind: 'look', most: 1000, order: 819062 },
        { kind: 'wait' },
        { kind: 'wait' },
        { kind: 'look', most: 1000, order: 759254 },
        {
          kind: 'commit',
          changes: [
            {
              slot: 1,
              kind: 'write',
              sketch: {
                image: 'hook:1',
                replicas: 1,
                bake: 5000,
                file: 'one',
                volumes: true,
                leaveDrift: true,
              },
            },
          ],
        },
        { kind: 'look', most: 1000, order: 293383 },
        { kind: 'look', most: 1, order: 959815 },
        { kind: 'look', most: 1, order: 992346 },
        { kind: 'look', most: 0, order: 327461 },
        { kind: 'crash', after: 5, order: 948571, done: true },
        { kind: 'crash', after: 2, order: 210647, done: false },
        { kind: 'hand', what: 'rename', nth: 2 },
        { kind: 'wait' },
        { kind: 'crash', after: 5, order: 174284, done: true },
        { kind: 'memory', what: 'lost' },
        {
          kind: 'commit',
          changes: [
            {
              slot: 0,
              kind: 'write',
              sketch: { image: 'good:3', replicas: 2, file: 'two', volumes: true },
              rename: true,
            },
            {
              slot: 1,
              kind: 'write',
              sketch: {
                image: 'hook:1',
                replicas: 2,
                file: 'two',
                token: '2222',
                needs: 'healthy',
                pullAlways: true,
              },
              rename: true,
            },
          ],
        },
        { kind: 'crash', after: 1, order: 968699, done: true },
        { kind: 'look', most: 4, order: 466837 },
        { kind: 'crash', after: 3, order: 853415, done: false },
        { kind: 'look', most: 1000, order: 156485 },
        { kind: 'look', most: 1000, order: 54373 },
        { kind: 'wait' },
        { kind: 'hand', what: 'rename', nth: 9 },
        { kind: 'crash', after: 1, order: 506000, done: true },
        { kind: 'look', most: 3, order: 945656 },
        { kind: 'look', most: 2, order: 190857 },
      ],
    },
  },
  {
    name: 'what never is what was asked for is not replaced for ever when it was changed by hand too',
    schedule: {
      seed: 100170,
      slots: 1,
      events: [
        {
          kind: 'commit',
          changes: [{ slot: 0, kind: 'write', sketch: { image: 'odd:1', replicas: 1, unrouted: true } }],
        },
        { kind: 'look', most: 1000, order: 951955 },
        { kind: 'wait' },
        { kind: 'wait' },
        { kind: 'look', most: 1000, order: 337739 },
        { kind: 'look', most: 4, order: 916941 },
        { kind: 'crash', after: 2, order: 934816, done: false },
        { kind: 'hand', what: 'update', nth: 0 },
      ],
    },
  },
  {
    name: 'beside two old ones of a replica the new one comes up at the sibling of the one that the routes dial',
    schedule: {
      seed: 500737,
      slots: 4,
      events: [
        {
          kind: 'commit',
          changes: [
            { slot: 0, kind: 'write', sketch: { image: 'good:2', replicas: 3, port: 9090 } },
            {
              slot: 1,
              kind: 'write',
              sketch: { image: 'odd:1', replicas: 3, needs: 'started', pullAlways: true },
            },
            {
              slot: 2,
              kind: 'write',
              sketch: {
                image: 'good:2',
                replicas: 2,
                stopFirst: true,
                token: '1111',
                volumes: true,
                needs: 'healthy',
              },
            },
            { slot: 3, kind: 'write', sketch: { image: 'good:3', replicas: 1, stopFirst: true } },
          ],
        },
        { kind: 'wait' },
        { kind: 'look', most: 1000, order: 682621 },
        { kind: 'wait' },
        { kind: 'look', most: 1000, order: 724225 },
        { kind: 'container', what: 'is sick', nth: 5 },
        { kind: 'look', most: 1000, order: 17971 },
        { kind: 'tick', ms: 130000 },
        { kind: 'look', most: 1000, order: 847665 },
        { kind: 'look', most: 1000, order: 992761 },
        { kind: 'memory', what: 'older' },
        { kind: 'wait' },
        { kind: 'wait' },
        { kind: 'hand', what: 'update', nth: 1 },
        { kind: 'look', most: 1000, order: 296781 },
        { kind: 'look', most: 1000, order: 803725 },
        { kind: 'hand', what: 'disconnect', nth: 2 },
        { kind: 'crash', after: 5, order: 535178, done: false },
        { kind: 'look', most: 1000, order: 674388 },
        { kind: 'look', most: 1000, order: 578166 },
        {
          kind: 'commit',
          changes: [
            { slot: 0, kind: 'write', sketch: { image: 'good:1', replicas: 2, hooks: true } },
            { slot: 1, kind: 'write', sketch: { image: 'good:3', replicas: 2, volumes: true, pause: true } },
            { slot: 3, kind: 'delete' },
          ],
        },
      ],
    },
  },
  {
    name: 'stop-first keeps no address that two containers were given at the same time',
    schedule: {
      seed: 501290,
      slots: 3,
      events: [
        {
          kind: 'commit',
          changes: [
            {
              slot: 0,
              kind: 'write',
              sketch: { image: 'good:3', replicas: 2, bake: 5000, volumes: true, prune: 'never' },
            },
            {
              slot: 1,
              kind: 'write',
              sketch: { image: 'good:1', replicas: 1, hostPort: true, stopFirst: true, volumes: true },
            },
            { slot: 2, kind: 'write', sketch: { image: 'good:1', replicas: 1, volumes: true } },
          ],
        },
        { kind: 'look', most: 1000, order: 865395 },
        { kind: 'crash', after: 5, order: 975432, done: true },
        { kind: 'engine', what: 'loses events' },
        { kind: 'operator', verb: 'suspend for a minute', slot: 1 },
        { kind: 'wait' },
        { kind: 'look', most: 1000, order: 759847 },
        { kind: 'tick', ms: 900000 },
        {
          kind: 'commit',
          changes: [
            {
              slot: 1,
              kind: 'write',
              sketch: {
                image: 'good:1',
                replicas: 2,
                stopFirst: true,
                file: 'one',
                prune: 'never',
                pause: true,
                pullAlways: true,
              },
            },
          ],
        },
      ],
    },
  },
];
