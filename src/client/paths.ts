// Generated from src/api/operations.ts by `npm run generate`. Do not edit.

export interface Paths {
  '/api/v1/apps': {
    get: {
      parameters: {
        query?: {
          /**
           * At most so many items.
           */
          limit?: number;
          /**
           * The `next` of the page before.
           */
          cursor?: string;
          /**
           * Only of apps with these labels, as kubectl selects: `team=web,tier!=db,canary,!legacy`.
           */
          labels?: string;
          /**
           * Only of apps of this project.
           */
          project?: string;
          /**
           * Only of apps of this environment.
           */
          environment?: string;
          /**
           * Only apps that are so.
           */
          sync?: 'Synced' | 'OutOfSync' | 'Unknown';
          /**
           * Only apps that are so.
           */
          health?: 'Healthy' | 'Progressing' | 'Degraded' | 'Suspended' | 'Missing' | 'Unknown';
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: {
          content: {
            'application/json': AppPage;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/apps/{name}': {
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /**
           * Name of the app.
           */
          name: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: {
          content: {
            'application/json': AppDetail;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/apps/{name}/diff': {
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /**
           * Name of the app.
           */
          name: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: {
          content: {
            'application/json': AppDiff;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/apps/{name}/logs': {
    get: {
      parameters: {
        query?: {
          /**
           * Go on with what they write from now.
           */
          follow?: boolean;
          /**
           * The last so many lines of each container.
           */
          tail?: number | string;
          /**
           * A duration such as `1h`, or an RFC 3339 time.
           */
          since?: string;
          /**
           * Only of this replica, counted from 0.
           */
          replica?: number;
          /**
           * Of the containers before, as long as they are kept.
           */
          previous?: boolean;
          /**
           * Each line begins with its time.
           */
          timestamps?: boolean;
        };
        header?: {
          /**
           * Goes on after this event.
           */
          'Last-Event-ID'?: string;
        };
        path: {
          /**
           * Name of the app.
           */
          name: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: {
          content: {
            'text/plain': string;
            'text/event-stream': string;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/apps/{name}/deployments': {
    get: {
      parameters: {
        query?: {
          /**
           * At most so many items.
           */
          limit?: number;
          /**
           * The `next` of the page before.
           */
          cursor?: string;
        };
        header?: never;
        path: {
          /**
           * Name of the app.
           */
          name: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: {
          content: {
            'application/json': DeploymentPage;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/deployments/{id}': {
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /**
           * As the list says.
           */
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: {
          content: {
            'application/json': DeploymentDetail;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/events': {
    get: {
      parameters: {
        query?: {
          /**
           * At most so many items.
           */
          limit?: number;
          /**
           * The `next` of the page before.
           */
          cursor?: string;
          /**
           * Only of apps with these labels, as kubectl selects: `team=web,tier!=db,canary,!legacy`.
           */
          labels?: string;
          /**
           * Only of apps of this project.
           */
          project?: string;
          /**
           * Only of apps of this environment.
           */
          environment?: string;
          /**
           * Only of this app.
           */
          app?: string;
          /**
           * Only those with a higher id, the oldest of them first.
           */
          after?: number;
        };
        header?: {
          /**
           * Goes on after this event.
           */
          'Last-Event-ID'?: string;
        };
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: {
          content: {
            'application/json': EventPage;
            'text/event-stream': string;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/revisions': {
    get: {
      parameters: {
        query?: {
          /**
           * At most so many items.
           */
          limit?: number;
          /**
           * The `next` of the page before.
           */
          cursor?: string;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: {
          content: {
            'application/json': RevisionPage;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/reconcile': {
    post: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            /**
             * Only this app.
             */
            app?: string;
            /**
             * Try again what failed or is in quarantine.
             */
            retry?: boolean;
          };
        };
      };
      responses: {
        200: {
          content: {
            'application/json': Reconciled;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/apps/{name}/suspend': {
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /**
           * Name of the app.
           */
          name: string;
        };
        cookie?: never;
      };
      requestBody: {
        content: {
          'application/json': {
            /**
             * Why, for those who come after.
             */
            reason: string;
            /**
             * Ends by itself after so long.
             */
            for?: string;
          };
        };
      };
      responses: {
        200: {
          content: {
            'application/json': Suspended;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/apps/{name}/resume': {
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /**
           * Name of the app.
           */
          name: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {};
        };
      };
      responses: {
        200: {
          content: {
            'application/json': Resumed;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/apps/{name}/rollback': {
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /**
           * Name of the app.
           */
          name: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            /**
             * Commit or spec hash of a release that was healthy, or its beginning.
             */
            to?: string;
          };
        };
      };
      responses: {
        200: {
          content: {
            'application/json': RolledBack;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/apps/{name}/approve': {
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /**
           * Name of the app.
           */
          name: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            /**
             * The removal is meant.
             */
            removal?: boolean;
          };
        };
      };
      responses: {
        200: {
          content: {
            'application/json': Approved;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/apps/{name}/restart': {
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /**
           * Name of the app.
           */
          name: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            /**
             * Only this one, counted from 0.
             */
            replica?: number;
          };
        };
      };
      responses: {
        200: {
          content: {
            'application/json': Restarted;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/approve-prune': {
    post: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {};
        };
      };
      responses: {
        200: {
          content: {
            'application/json': PruneApproved;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/deployments/{id}/logs': {
    get: {
      parameters: {
        query?: {
          /**
           * Go on until it ends.
           */
          follow?: boolean;
        };
        header?: {
          /**
           * Goes on after this event.
           */
          'Last-Event-ID'?: string;
        };
        path: {
          /**
           * As the list says.
           */
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: {
          content: {
            'text/plain': string;
            'text/event-stream': string;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/sources': {
    get: {
      parameters: {
        query?: {
          /**
           * At most so many items.
           */
          limit?: number;
          /**
           * The `next` of the page before.
           */
          cursor?: string;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: {
          content: {
            'application/json': SourcePage;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/webhooks/deliveries': {
    get: {
      parameters: {
        query?: {
          /**
           * At most so many items.
           */
          limit?: number;
          /**
           * The `next` of the page before.
           */
          cursor?: string;
          /**
           * Only of this forge.
           */
          provider?: 'github' | 'gitlab' | 'gitea' | 'forgejo' | 'bitbucket' | 'generic';
          /**
           * Only those that ended so.
           */
          outcome?: 'accepted' | 'ignored' | 'invalid' | 'refused';
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: {
          content: {
            'application/json': DeliveryPage;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/apps/{name}/stats': {
    get: {
      parameters: {
        query?: {
          /**
           * At most so many items.
           */
          limit?: number;
          /**
           * The `next` of the page before.
           */
          cursor?: string;
        };
        header?: never;
        path: {
          /**
           * Name of the app.
           */
          name: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: {
          content: {
            'application/json': UsagePage;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/stats': {
    get: {
      parameters: {
        query?: {
          /**
           * At most so many items.
           */
          limit?: number;
          /**
           * The `next` of the page before.
           */
          cursor?: string;
          /**
           * Only of apps with these labels, as kubectl selects: `team=web,tier!=db,canary,!legacy`.
           */
          labels?: string;
          /**
           * Only of apps of this project.
           */
          project?: string;
          /**
           * Only of apps of this environment.
           */
          environment?: string;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: {
          content: {
            'application/json': UsagePage;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/metrics': {
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: {
          content: {
            'text/plain': string;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/status': {
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: {
          content: {
            'application/json': HostStatus;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/containers': {
    get: {
      parameters: {
        query?: {
          /**
           * At most so many items.
           */
          limit?: number;
          /**
           * The `next` of the page before.
           */
          cursor?: string;
          /**
           * Only of apps with these labels, as kubectl selects: `team=web,tier!=db,canary,!legacy`.
           */
          labels?: string;
          /**
           * Only of apps of this project.
           */
          project?: string;
          /**
           * Only of apps of this environment.
           */
          environment?: string;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: {
          content: {
            'application/json': ContainerPage;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/hosts': {
    get: {
      parameters: {
        query?: {
          /**
           * At most so many items.
           */
          limit?: number;
          /**
           * The `next` of the page before.
           */
          cursor?: string;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: {
          content: {
            'application/json': HostPage;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/routes': {
    get: {
      parameters: {
        query?: {
          /**
           * At most so many items.
           */
          limit?: number;
          /**
           * The `next` of the page before.
           */
          cursor?: string;
          /**
           * Only of apps with these labels, as kubectl selects: `team=web,tier!=db,canary,!legacy`.
           */
          labels?: string;
          /**
           * Only of apps of this project.
           */
          project?: string;
          /**
           * Only of apps of this environment.
           */
          environment?: string;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: {
          content: {
            'application/json': RoutePage;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/networks': {
    get: {
      parameters: {
        query?: {
          /**
           * At most so many items.
           */
          limit?: number;
          /**
           * The `next` of the page before.
           */
          cursor?: string;
          /**
           * Only of apps with these labels, as kubectl selects: `team=web,tier!=db,canary,!legacy`.
           */
          labels?: string;
          /**
           * Only of apps of this project.
           */
          project?: string;
          /**
           * Only of apps of this environment.
           */
          environment?: string;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: {
          content: {
            'application/json': NetworkPage;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/volumes': {
    get: {
      parameters: {
        query?: {
          /**
           * At most so many items.
           */
          limit?: number;
          /**
           * The `next` of the page before.
           */
          cursor?: string;
          /**
           * Only of apps with these labels, as kubectl selects: `team=web,tier!=db,canary,!legacy`.
           */
          labels?: string;
          /**
           * Only of apps of this project.
           */
          project?: string;
          /**
           * Only of apps of this environment.
           */
          environment?: string;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: {
          content: {
            'application/json': VolumePage;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/images': {
    get: {
      parameters: {
        query?: {
          /**
           * At most so many items.
           */
          limit?: number;
          /**
           * The `next` of the page before.
           */
          cursor?: string;
          /**
           * Only of apps with these labels, as kubectl selects: `team=web,tier!=db,canary,!legacy`.
           */
          labels?: string;
          /**
           * Only of apps of this project.
           */
          project?: string;
          /**
           * Only of apps of this environment.
           */
          environment?: string;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: {
          content: {
            'application/json': ImagePage;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/healthz': {
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: {
          content: {
            'application/json': Alive;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/readyz': {
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: {
          content: {
            'application/json': Readiness;
          };
        };
        503: {
          content: {
            'application/json': Readiness;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/openapi.json': {
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: {
          content: {
            'application/json': {};
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/docs': {
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: {
          content: {
            'text/html': string;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/whoami': {
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: {
          content: {
            'application/json': WhoAmI;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/tokens': {
    get: {
      parameters: {
        query?: {
          /**
           * At most so many items.
           */
          limit?: number;
          /**
           * The `next` of the page before.
           */
          cursor?: string;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: {
          content: {
            'application/json': TokenPage;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
    post: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody: {
        content: {
          'application/json': {
            /**
             * For people; unique.
             */
            name: string;
            /**
             * What it may do.
             *
             * Items: A scope.
             */
            scopes: ('read' | 'logs' | 'reconcile' | 'operate' | 'exec' | 'admin')[];
            /**
             * Only apps of this project.
             */
            project?: string;
            /**
             * Only apps with these labels.
             */
            selector?: string;
            /**
             * How long it is good for.
             */
            expires?: string;
          };
        };
      };
      responses: {
        200: {
          content: {
            'application/json': TokenMade;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/tokens/{name}/revoke': {
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /**
           * Of the token.
           */
          name: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {};
        };
      };
      responses: {
        200: {
          content: {
            'application/json': TokenItem;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/api/v1/audit': {
    get: {
      parameters: {
        query?: {
          /**
           * At most so many items.
           */
          limit?: number;
          /**
           * The `next` of the page before.
           */
          cursor?: string;
          /**
           * Only of this actor.
           */
          actor?: string;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: {
          content: {
            'application/json': AuditPage;
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
  '/webhooks/{provider}': {
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          /**
           * Of the hook.
           */
          provider: 'github' | 'gitlab' | 'gitea' | 'forgejo' | 'bitbucket' | 'generic';
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {};
        };
      };
      responses: {
        202: {
          content: {
            'application/json': {};
          };
        };
        default: {
          content: {
            'application/problem+json': Problem;
          };
        };
      };
    };
  };
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "AppPage".
 */
export interface AppPage {
  /**
   * In the order of the list.
   */
  items: AppItem[];
  /**
   * Give it as `cursor` for the next page; null on the last one.
   */
  next: string | null;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "AppItem".
 */
export interface AppItem {
  /**
   * Unique on the host.
   */
  name: string;
  /**
   * As the manifest says.
   */
  labels: {
    [k: string]: string;
  };
  /**
   * The project it belongs to.
   */
  project: string | null;
  /**
   * The environment it is rendered for.
   */
  environment: string | null;
  /**
   * Whether the host is as git says.
   */
  sync: 'Synced' | 'OutOfSync' | 'Unknown';
  /**
   * Whether it does its work.
   */
  health: 'Healthy' | 'Progressing' | 'Degraded' | 'Suspended' | 'Missing' | 'Unknown';
  /**
   * The current or the last deployment.
   */
  operation:
    | 'None'
    | 'Pending'
    | 'Building'
    | 'Pulling'
    | 'Starting'
    | 'Verifying'
    | 'Routing'
    | 'Draining'
    | 'Succeeded'
    | 'Failed'
    | 'RolledBack'
    | 'Superseded';
  /**
   * Full commit id that git is at.
   */
  revision: string;
  /**
   * Full commit id that serves; empty when nothing does.
   */
  liveRevision: string;
  /**
   * Why, for people and machines.
   */
  conditions: Condition[];
  /**
   * What keeps it from being ready.
   */
  error: string | null;
  replicas: {
    /**
     * As git says.
     */
    desired: number;
    /**
     * Healthy ones.
     */
    ready: number;
  };
  /**
   * Why anything differs.
   */
  cause: 'commit' | 'drift' | 'digest' | 'secret' | 'rollback' | 'restart' | 'removed' | null;
  /**
   * What putting it right does to traffic.
   */
  consequence:
    | 'no-op'
    | 'route-only'
    | 'in-place'
    | 'signal'
    | 'scale'
    | 'start'
    | 'stop'
    | 'create'
    | 'start-first replace'
    | 'stop-first replace'
    | 'remove';
  /**
   * When a failed act is tried again.
   */
  nextRetry: string | null;
  suspended: {
    /**
     * Who suspended it.
     */
    actor: string;
    /**
     * Why.
     */
    reason: string;
    /**
     * When it ends by itself.
     */
    until: string | null;
  } | null;
  pinned: {
    /**
     * Who pinned it.
     */
    actor: string;
    /**
     * The release that is held.
     */
    revision: string;
  } | null;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "Condition".
 */
export interface Condition {
  /**
   * What it speaks of.
   */
  type: string;
  /**
   * Whether it holds.
   */
  status: 'True' | 'False' | 'Unknown';
  /**
   * PascalCase, for machines.
   */
  reason: string;
  /**
   * For people.
   */
  message: string;
  /**
   * When the status last changed.
   */
  lastTransitionTime: string | null;
}
/**
 * RFC 9457
 *
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "Problem".
 */
export interface Problem {
  /**
   * Always `about:blank`.
   */
  type: string;
  /**
   * Of the status.
   */
  title: string;
  /**
   * As the status line says.
   */
  status: number;
  /**
   * One sentence for people.
   */
  detail: string;
  /**
   * PascalCase, stable, for machines.
   */
  code: string;
  /**
   * What to do about it.
   */
  hint?: string;
  /**
   * To find it in the log.
   */
  requestId: string;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "AppDetail".
 */
export interface AppDetail {
  /**
   * Unique on the host.
   */
  name: string;
  /**
   * As the manifest says.
   */
  labels: {
    [k: string]: string;
  };
  /**
   * The project it belongs to.
   */
  project: string | null;
  /**
   * The environment it is rendered for.
   */
  environment: string | null;
  /**
   * Whether the host is as git says.
   */
  sync: 'Synced' | 'OutOfSync' | 'Unknown';
  /**
   * Whether it does its work.
   */
  health: 'Healthy' | 'Progressing' | 'Degraded' | 'Suspended' | 'Missing' | 'Unknown';
  /**
   * The current or the last deployment.
   */
  operation:
    | 'None'
    | 'Pending'
    | 'Building'
    | 'Pulling'
    | 'Starting'
    | 'Verifying'
    | 'Routing'
    | 'Draining'
    | 'Succeeded'
    | 'Failed'
    | 'RolledBack'
    | 'Superseded';
  /**
   * Full commit id that git is at.
   */
  revision: string;
  /**
   * Full commit id that serves; empty when nothing does.
   */
  liveRevision: string;
  /**
   * Why, for people and machines.
   */
  conditions: Condition[];
  /**
   * What keeps it from being ready.
   */
  error: string | null;
  /**
   * Why anything differs.
   */
  cause: 'commit' | 'drift' | 'digest' | 'secret' | 'rollback' | 'restart' | 'removed' | null;
  /**
   * What putting it right does to traffic.
   */
  consequence:
    | 'no-op'
    | 'route-only'
    | 'in-place'
    | 'signal'
    | 'scale'
    | 'start'
    | 'stop'
    | 'create'
    | 'start-first replace'
    | 'stop-first replace'
    | 'remove';
  /**
   * When a failed act is tried again.
   */
  nextRetry: string | null;
  suspended: {
    /**
     * Who suspended it.
     */
    actor: string;
    /**
     * Why.
     */
    reason: string;
    /**
     * When it ends by itself.
     */
    until: string | null;
  } | null;
  pinned: {
    /**
     * Who pinned it.
     */
    actor: string;
    /**
     * The release that is held.
     */
    revision: string;
  } | null;
  scale: {
    /**
     * As git says.
     */
    desired: number;
    /**
     * Healthy ones.
     */
    ready: number;
  };
  /**
   * As the manifest says.
   */
  description: string | null;
  /**
   * As the manifest says.
   */
  links: {
    /**
     * For people.
     */
    title: string;
    /**
     * Where to.
     */
    url: string;
  }[];
  /**
   * Where it is served.
   */
  domains: {
    /**
     * Lower case, punycode.
     */
    host: string;
    /**
     * Prefix.
     */
    path: string;
    /**
     * How certificates come.
     */
    tls: 'auto' | 'internal' | 'off';
    /**
     * Hosts that redirect here.
     */
    redirectFrom: string[];
  }[];
  /**
   * The containers that hold its places or are about to.
   */
  replicas: {
    /**
     * Counted from 0.
     */
    replica: number;
    /**
     * As the engine says.
     */
    id: string;
    /**
     * A name of its image, or its id.
     */
    image: string;
    /**
     * Image id.
     */
    digest: string;
    /**
     * Spec hash.
     */
    release: string;
    /**
     * What it is to us.
     */
    standing: string;
    /**
     * What probes say.
     */
    health: 'healthy' | 'unhealthy' | 'unknown';
    /**
     * Published ones.
     */
    ports: string[];
    /**
     * When it was last started.
     */
    startedAt: string | null;
    /**
     * By us, since it was deployed.
     */
    restarts: number;
  }[];
  /**
   * All that stand for it, hooks too.
   */
  containers: ContainerItem[];
  deployment: {
    /**
     * The one under way.
     */
    id: string;
    /**
     * When it was begun.
     */
    startedAt: string | null;
  } | null;
  quarantine: {
    /**
     * Spec hash that is not tried again.
     */
    release: string;
    /**
     * In which it failed.
     */
    deployment: string;
    /**
     * PascalCase.
     */
    reason: string;
    /**
     * For people.
     */
    message: string;
    /**
     * When it failed.
     */
    since: string | null;
  } | null;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "ContainerItem".
 */
export interface ContainerItem {
  /**
   * As the engine says.
   */
  id: string;
  /**
   * Ours.
   */
  name: string;
  /**
   * Whose it is.
   */
  app: string;
  /**
   * Counted from 0.
   */
  replica: number;
  /**
   * A name of its image, or its id.
   */
  image: string;
  /**
   * Image id.
   */
  digest: string;
  /**
   * Spec hash.
   */
  release: string;
  /**
   * What it is to us.
   */
  standing: string;
  /**
   * As the engine says.
   */
  state: string;
  /**
   * What probes say.
   */
  health: 'healthy' | 'unhealthy' | 'unknown';
  /**
   * On our network.
   */
  address: string;
  /**
   * Published ones.
   */
  ports: string[];
  /**
   * When it was made.
   */
  createdAt: string | null;
  /**
   * When it was last started.
   */
  startedAt: string | null;
  /**
   * When it last ended.
   */
  finishedAt: string | null;
  /**
   * Of one that ended.
   */
  exitCode: number | null;
  /**
   * Killed for want of memory.
   */
  oomKilled: boolean;
  /**
   * By us, since it was deployed.
   */
  restarts: number;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "AppDiff".
 */
export interface AppDiff {
  /**
   * Name of the app.
   */
  name: string;
  /**
   * Whether the host is as git says.
   */
  sync: 'Synced' | 'OutOfSync' | 'Unknown';
  /**
   * Why anything differs.
   */
  cause: 'commit' | 'drift' | 'digest' | 'secret' | 'rollback' | 'restart' | 'removed' | null;
  /**
   * What putting it right does to traffic.
   */
  consequence:
    | 'no-op'
    | 'route-only'
    | 'in-place'
    | 'signal'
    | 'scale'
    | 'start'
    | 'stop'
    | 'create'
    | 'start-first replace'
    | 'stop-first replace'
    | 'remove';
  /**
   * What git says.
   */
  revision: string;
  /**
   * What serves.
   */
  liveRevision: string;
  /**
   * Field by field; values of secrets are stars.
   */
  differences: {
    /**
     * The field of the manifest.
     */
    path: string;
    /**
     * On the host; absent when it is not there.
     */
    live?: string;
    /**
     * In git; absent when it is not there.
     */
    desired?: string;
    /**
     * Why this field differs.
     */
    cause: 'commit' | 'drift' | 'digest' | 'secret' | 'rollback' | 'restart' | 'removed';
  }[];
  /**
   * What comes next.
   */
  steps: {
    /**
     * Of step.
     */
    kind: string;
    /**
     * Why.
     */
    reason: string;
    /**
     * What it does to traffic.
     */
    traffic: string;
  }[];
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "DeploymentPage".
 */
export interface DeploymentPage {
  /**
   * In the order of the list.
   */
  items: DeploymentItem[];
  /**
   * Give it as `cursor` for the next page; null on the last one.
   */
  next: string | null;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "DeploymentItem".
 */
export interface DeploymentItem {
  /**
   * Unique.
   */
  id: string;
  /**
   * Name of the app.
   */
  app: string;
  /**
   * Spec hash.
   */
  release: string;
  /**
   * Image id.
   */
  digest: string | null;
  /**
   * Full commit id.
   */
  revision: string;
  /**
   * Why it was begun.
   */
  cause: string;
  /**
   * How far it is, or its result.
   */
  phase: string;
  /**
   * Null while it is under way.
   */
  result: 'Succeeded' | 'Failed' | 'RolledBack' | 'Superseded' | null;
  /**
   * PascalCase, for machines.
   */
  reason: string | null;
  /**
   * For people.
   */
  message: string | null;
  /**
   * When it was begun.
   */
  startedAt: string | null;
  /**
   * When it ended.
   */
  finishedAt: string | null;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "DeploymentDetail".
 */
export interface DeploymentDetail {
  /**
   * Unique.
   */
  id: string;
  /**
   * Name of the app.
   */
  app: string;
  /**
   * Spec hash.
   */
  release: string;
  /**
   * Image id.
   */
  digest: string | null;
  /**
   * Full commit id.
   */
  revision: string;
  /**
   * Why it was begun.
   */
  cause: string;
  /**
   * How far it is, or its result.
   */
  phase: string;
  /**
   * Null while it is under way.
   */
  result: 'Succeeded' | 'Failed' | 'RolledBack' | 'Superseded' | null;
  /**
   * PascalCase, for machines.
   */
  reason: string | null;
  /**
   * For people.
   */
  message: string | null;
  /**
   * When it was begun.
   */
  startedAt: string | null;
  /**
   * When it ended.
   */
  finishedAt: string | null;
  /**
   * In the order of their beginning.
   */
  steps: {
    /**
     * Rises.
     */
    id: number;
    /**
     * Of step.
     */
    kind: string;
    /**
     * What was acted on.
     */
    object: string;
    /**
     * Why.
     */
    reason: string;
    /**
     * Written before the call.
     */
    startedAt: string | null;
    /**
     * Written after it.
     */
    endedAt: string | null;
    /**
     * What came of it.
     */
    outcome: string | null;
    /**
     * Why it failed.
     */
    error: string | null;
  }[];
  /**
   * Why containers were given up.
   */
  evidence: {
    /**
     * Its id.
     */
    container: string;
    /**
     * As the engine says.
     */
    exitCode: number;
    /**
     * Killed for want of memory.
     */
    oomKilled: boolean;
    /**
     * Probe answers.
     */
    attempts: {
      /**
       * When.
       */
      at: string | null;
      /**
       * Healthy.
       */
      ok: boolean;
      /**
       * What it answered.
       */
      detail: string;
    }[];
    /**
     * The last lines it wrote.
     */
    log: string[];
  }[];
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "EventPage".
 */
export interface EventPage {
  /**
   * In the order of the list.
   */
  items: EventItem[];
  /**
   * Give it as `cursor` for the next page; null on the last one.
   */
  next: string | null;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "EventItem".
 */
export interface EventItem {
  /**
   * Rises; resume a stream with it.
   */
  id: number;
  /**
   * The last time.
   */
  at: string | null;
  /**
   * The first time.
   */
  firstAt: string | null;
  /**
   * How many times the same happened.
   */
  count: number;
  /**
   * Empty for what concerns the host.
   */
  app: string;
  /**
   * What happened.
   */
  type: string;
  /**
   * PascalCase, for machines.
   */
  reason: string;
  /**
   * For people.
   */
  message: string;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "RevisionPage".
 */
export interface RevisionPage {
  /**
   * In the order of the list.
   */
  items: RevisionItem[];
  /**
   * Give it as `cursor` for the next page; null on the last one.
   */
  next: string | null;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "RevisionItem".
 */
export interface RevisionItem {
  /**
   * Full commit id, or a hash of the content.
   */
  id: string;
  /**
   * When it was first read.
   */
  firstSeen: string | null;
  /**
   * In its manifests.
   */
  problems: number;
  /**
   * The revision before, when this one does not descend from it.
   */
  nonFastForwardFrom: string | null;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "Reconciled".
 */
export interface Reconciled {
  /**
   * Of the app when one was named, else of the host.
   */
  converged: boolean;
  /**
   * Number of the look that this answers with.
   */
  look: number;
  /**
   * The app, or all.
   */
  apps: AppItem[];
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "Suspended".
 */
export interface Suspended {
  /**
   * Name of the app.
   */
  app: string;
  /**
   * When it ends by itself.
   */
  until: string | null;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "Resumed".
 */
export interface Resumed {
  /**
   * Name of the app.
   */
  app: string;
  /**
   * It was suspended.
   */
  resumed: boolean;
  /**
   * It was pinned.
   */
  unpinned: boolean;
  /**
   * git itself says suspend.
   */
  manifestSuspends: boolean;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "RolledBack".
 */
export interface RolledBack {
  /**
   * Name of the app.
   */
  app: string;
  release: {
    /**
     * Full commit id.
     */
    revision: string;
    /**
     * Spec hash.
     */
    specHash: string;
    /**
     * Image id.
     */
    digest: string;
  };
  /**
   * What makes it permanent.
   */
  hint: string;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "Approved".
 */
export interface Approved {
  /**
   * Name of the app.
   */
  app: string;
  /**
   * What was approved.
   */
  approved: 'rollout' | 'removal';
  /**
   * Spec hash.
   */
  release: string | null;
  /**
   * Full commit id.
   */
  revision: string;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "Restarted".
 */
export interface Restarted {
  /**
   * Name of the app.
   */
  app: string;
  /**
   * Those that restart.
   *
   * Items: Replica.
   */
  replicas: number[];
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "PruneApproved".
 */
export interface PruneApproved {
  /**
   * The commit whose removals were approved.
   */
  revision: string;
  /**
   * The apps it removes.
   */
  apps: string[];
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "SourcePage".
 */
export interface SourcePage {
  /**
   * In the order of the list.
   */
  items: SourceItem[];
  /**
   * Give it as `cursor` for the next page; null on the last one.
   */
  next: string | null;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "SourceItem".
 */
export interface SourceItem {
  /**
   * As the configuration calls it.
   */
  name: string;
  /**
   * URL or folder, without credentials.
   */
  address: string;
  /**
   * The folder of it that is read.
   */
  path: string;
  /**
   * What of it.
   */
  follows: string;
  /**
   * The tag that a range of versions led to.
   */
  tag: string | null;
  /**
   * What is enforced; null when it was never read.
   */
  revision: string | null;
  /**
   * The newest there.
   */
  seen: string | null;
  /**
   * When it was last read whole.
   */
  readAt: string | null;
  error: {
    /**
     * PascalCase, for machines.
     */
    reason: string;
    /**
     * Why what is enforced may not be the newest.
     */
    message: string;
    /**
     * When it began.
     */
    since: string | null;
  } | null;
  verification: {
    /**
     * What has to be signed.
     */
    mode: 'head' | 'tag';
    /**
     * How many keys may sign.
     */
    keys: number;
    /**
     * Who signed what is enforced.
     */
    by: string | null;
    refused: {
      /**
       * The newest, which is not enforced.
       */
      revision: string;
      /**
       * For people.
       */
      why: string;
    } | null;
  } | null;
  nonFastForward: {
    /**
     * What its branch was at.
     */
    from: string;
    /**
     * What it was rewritten to.
     */
    to: string;
    /**
     * When that was seen.
     */
    at: string | null;
  } | null;
  /**
   * The first entries that are not read, such as links and submodules.
   */
  omitted: {
    /**
     * In the source.
     */
    path: string;
    /**
     * For people.
     */
    why: string;
  }[];
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "DeliveryPage".
 */
export interface DeliveryPage {
  /**
   * In the order of the list.
   */
  items: DeliveryItem[];
  /**
   * Give it as `cursor` for the next page; null on the last one.
   */
  next: string | null;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "DeliveryItem".
 */
export interface DeliveryItem {
  /**
   * Rises.
   */
  id: number;
  /**
   * Of the hook.
   */
  provider: string;
  /**
   * As the forge calls it.
   */
  delivery: string;
  /**
   * As the forge calls it.
   */
  event: string;
  /**
   * Host and path; empty when nothing is said.
   */
  repository: string;
  /**
   * Branch or tag.
   */
  ref: string;
  /**
   * Full commit id.
   */
  commit: string;
  /**
   * Where it came from.
   */
  address: string;
  /**
   * When it came first.
   */
  receivedAt: string | null;
  /**
   * What became of it.
   */
  outcome: 'accepted' | 'ignored' | 'invalid' | 'refused';
  /**
   * Why, for people.
   */
  reason: string;
  /**
   * The look that saw what it announced.
   */
  look: number | null;
  /**
   * What that look found in git.
   */
  revision: string | null;
  /**
   * How often it came; of refused ones those of one address and minute.
   */
  count: number;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "UsagePage".
 */
export interface UsagePage {
  /**
   * In the order of the list.
   */
  items: UsageItem[];
  /**
   * Give it as `cursor` for the next page; null on the last one.
   */
  next: string | null;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "UsageItem".
 */
export interface UsageItem {
  /**
   * Whose it is.
   */
  app: string;
  /**
   * Counted from 0.
   */
  replica: number;
  /**
   * Its name.
   */
  container: string;
  /**
   * As the engine says.
   */
  id: string;
  /**
   * When it was measured.
   */
  at: string;
  /**
   * 100 is one CPU.
   */
  cpuPercent: number;
  /**
   * Since its start.
   */
  cpuSeconds: number;
  /**
   * Without the file cache.
   */
  memoryBytes: number;
  /**
   * 0 for no limit of its own.
   */
  memoryLimit: number;
  /**
   * Since its start.
   */
  networkReceivedBytes: number;
  /**
   * Since its start.
   */
  networkSentBytes: number;
  /**
   * Processes and threads.
   */
  pids: number;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "HostStatus".
 */
export interface HostStatus {
  /**
   * Of plimsoll.
   */
  version: string;
  /**
   * Of this controller.
   */
  instance: string | null;
  /**
   * When the controller was started.
   */
  startedAt: string | null;
  /**
   * By its clock.
   */
  now: string;
  /**
   * Counts looks.
   */
  look: number;
  /**
   * When the last look was over.
   */
  lookedAt: string | null;
  /**
   * What git says.
   */
  revision: string | null;
  /**
   * Every app is ready, and nothing of the host is left to do.
   */
  converged: boolean;
  sourceError: Failure | null;
  engineError: Failure | null;
  historyError: Failure | null;
  proxy: {
    /**
     * Of Caddy.
     */
    state: string;
    /**
     * For people.
     */
    message: string | null;
  };
  counts: {
    /**
     * All.
     */
    apps: number;
    /**
     * Those that are ready.
     */
    ready: number;
    sync: {
      /**
       * Apps that are Synced.
       */
      Synced?: number;
      /**
       * Apps that are OutOfSync.
       */
      OutOfSync?: number;
      /**
       * Apps that are Unknown.
       */
      Unknown?: number;
    };
    health: {
      /**
       * Apps that are Healthy.
       */
      Healthy?: number;
      /**
       * Apps that are Progressing.
       */
      Progressing?: number;
      /**
       * Apps that are Degraded.
       */
      Degraded?: number;
      /**
       * Apps that are Suspended.
       */
      Suspended?: number;
      /**
       * Apps that are Missing.
       */
      Missing?: number;
      /**
       * Apps that are Unknown.
       */
      Unknown?: number;
    };
    /**
     * Ours.
     */
    containers: number;
    /**
     * With our labels, and not ours.
     */
    foreign: number;
  };
  /**
   * What is wrong with manifests.
   */
  problems: {
    /**
     * In the config repo.
     */
    file: string;
    /**
     * From 1.
     */
    line: number;
    /**
     * From 1.
     */
    column: number;
    /**
     * Stable.
     */
    code: string;
    /**
     * Whether only policy refuses.
     */
    kind: 'schema' | 'policy';
    /**
     * For people.
     */
    message: string;
    /**
     * The app it belongs to.
     */
    app?: string;
    /**
     * What to do about it.
     */
    hint?: string;
    other?: {
      /**
       * The other side.
       */
      file: string;
      /**
       * From 1.
       */
      line: number;
      /**
       * From 1.
       */
      column: number;
    };
  }[];
  pruneHeld: {
    /**
     * Whose removal is held.
     */
    apps: string[];
    /**
     * Apps that own containers.
     */
    owning: number;
  } | null;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "Failure".
 */
export interface Failure {
  /**
   * PascalCase, for machines.
   */
  reason: string;
  /**
   * For people.
   */
  message: string;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "ContainerPage".
 */
export interface ContainerPage {
  /**
   * In the order of the list.
   */
  items: ContainerItem[];
  /**
   * Give it as `cursor` for the next page; null on the last one.
   */
  next: string | null;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "HostPage".
 */
export interface HostPage {
  /**
   * In the order of the list.
   */
  items: HostItem[];
  /**
   * Give it as `cursor` for the next page; null on the last one.
   */
  next: string | null;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "HostItem".
 */
export interface HostItem {
  /**
   * As the engine calls its host; the instance while it does not answer.
   */
  name: string;
  /**
   * Whether its engine answers.
   */
  status: 'ready' | 'unreachable';
  /**
   * Why it does not.
   */
  error: string | null;
  /**
   * Of this controller.
   */
  instance: string | null;
  engine: {
    /**
     * Docker or Podman.
     */
    name: string;
    /**
     * Of the engine.
     */
    version: string;
    /**
     * The newest it speaks.
     */
    apiVersion: string;
  } | null;
  /**
   * As the engine says.
   */
  os: string | null;
  /**
   * As the engine says.
   */
  architecture: string | null;
  /**
   * As the engine says.
   */
  kernel: string | null;
  /**
   * That the engine may use.
   */
  cpus: number | null;
  /**
   * That the engine may use.
   */
  memoryBytes: number | null;
  disk: {
    /**
     * Where the engine keeps its data.
     */
    path: string;
    /**
     * Of that disk.
     */
    totalBytes: number;
    /**
     * Of that disk.
     */
    freeBytes: number;
  } | null;
  /**
   * Of the engine.
   */
  labels: {
    [k: string]: string;
  };
  /**
   * With a container on it.
   */
  apps: number;
  /**
   * Ours.
   */
  containers: number;
  caddy: {
    /**
     * As the last look saw it.
     */
    state: string;
    /**
     * Null when it does not tell.
     */
    version: string | null;
  };
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "RoutePage".
 */
export interface RoutePage {
  /**
   * In the order of the list.
   */
  items: RouteItem[];
  /**
   * Give it as `cursor` for the next page; null on the last one.
   */
  next: string | null;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "RouteItem".
 */
export interface RouteItem {
  /**
   * Lower case, punycode.
   */
  host: string;
  /**
   * Prefix.
   */
  path: string;
  /**
   * Whose it is.
   */
  app: string;
  /**
   * How certificates come.
   */
  tls: 'auto' | 'internal' | 'off';
  certificate: Certificate;
  /**
   * Hosts that redirect here.
   */
  redirectFrom: string[];
  /**
   * Users who may pass; null when everybody may.
   */
  basicAuth: string[] | null;
  /**
   * One a replica.
   */
  upstreams: {
    /**
     * Counted from 0.
     */
    replica: number;
    /**
     * Address that serves.
     */
    dials: string | null;
  }[];
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "Certificate".
 */
export interface Certificate {
  /**
   * Of what Caddy shows for the host.
   */
  status: 'valid' | 'expiring' | 'expired' | 'missing' | 'off' | 'unknown';
  /**
   * Who signed it; whether anybody trusts them is not judged.
   */
  issuer: string | null;
  /**
   * When it ends.
   */
  notAfter: string | null;
  /**
   * Why it is not valid.
   */
  error: string | null;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "NetworkPage".
 */
export interface NetworkPage {
  /**
   * In the order of the list.
   */
  items: NetworkItem[];
  /**
   * Give it as `cursor` for the next page; null on the last one.
   */
  next: string | null;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "NetworkItem".
 */
export interface NetworkItem {
  /**
   * Of the network.
   */
  name: string;
  /**
   * As the engine says.
   */
  id: string;
  /**
   * Made by us.
   */
  ours: boolean;
  /**
   * CIDR; empty when it has no IPv4 one.
   */
  subnet: string;
  /**
   * When it was made.
   */
  created: string | null;
  /**
   * With a container in it.
   */
  apps: string[];
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "VolumePage".
 */
export interface VolumePage {
  /**
   * In the order of the list.
   */
  items: VolumeItem[];
  /**
   * Give it as `cursor` for the next page; null on the last one.
   */
  next: string | null;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "VolumeItem".
 */
export interface VolumeItem {
  /**
   * Of the volume.
   */
  name: string;
  /**
   * Made by us.
   */
  ours: boolean;
  /**
   * As the engine says.
   */
  driver: string;
  /**
   * What it holds, where the engine tells.
   */
  bytes: number | null;
  /**
   * When it was made.
   */
  created: string | null;
  /**
   * Those it is mounted in, and the one it was made for.
   */
  apps: string[];
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "ImagePage".
 */
export interface ImagePage {
  /**
   * In the order of the list.
   */
  items: ImageItem[];
  /**
   * Give it as `cursor` for the next page; null on the last one.
   */
  next: string | null;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "ImageItem".
 */
export interface ImageItem {
  /**
   * A reference, or the id where there is none.
   */
  name: string;
  /**
   * As the engine says.
   */
  id: string;
  /**
   * All references.
   */
  tags: string[];
  /**
   * By which registries know it.
   */
  digests: string[];
  /**
   * On disk.
   */
  bytes: number;
  /**
   * When it was built.
   */
  created: string | null;
  /**
   * Whose containers run it.
   */
  apps: string[];
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "Alive".
 */
export interface Alive {
  /**
   * Always.
   */
  status: 'ok';
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "Readiness".
 */
export interface Readiness {
  /**
   * The worst of the checks.
   */
  status: 'ok' | 'degraded' | 'failing';
  /**
   * Of plimsoll.
   */
  version: string;
  /**
   * By what is checked.
   */
  checks: {
    [k: string]: {
      /**
       * What came of it.
       */
      status: 'ok' | 'degraded' | 'failing';
      /**
       * Why it is not ok.
       */
      message?: string;
    };
  };
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "WhoAmI".
 */
export interface WhoAmI {
  /**
   * As the audit log calls you.
   */
  actor: string;
  /**
   * How you came.
   */
  via: 'socket' | 'tcp';
  /**
   * What it may do.
   *
   * Items: A scope.
   */
  scopes: ('read' | 'logs' | 'reconcile' | 'operate' | 'exec' | 'admin')[];
  /**
   * Only apps of this project.
   */
  project: string | null;
  /**
   * Only apps with these labels.
   */
  selector: string | null;
  /**
   * When your token ends.
   */
  expires: string | null;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "TokenPage".
 */
export interface TokenPage {
  /**
   * In the order of the list.
   */
  items: TokenItem[];
  /**
   * Give it as `cursor` for the next page; null on the last one.
   */
  next: string | null;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "TokenItem".
 */
export interface TokenItem {
  /**
   * For people; unique.
   */
  name: string;
  /**
   * What it may do.
   *
   * Items: A scope.
   */
  scopes: ('read' | 'logs' | 'reconcile' | 'operate' | 'exec' | 'admin')[];
  /**
   * Only apps of this project.
   */
  project: string | null;
  /**
   * Only apps with these labels.
   */
  selector: string | null;
  /**
   * Who made it; `plimsoll.yaml` for a declared one.
   */
  createdBy: string;
  /**
   * When it was made.
   */
  createdAt: string | null;
  /**
   * When it ends.
   */
  expires: string | null;
  /**
   * To the minute.
   */
  lastUsed: string | null;
  /**
   * When it was revoked.
   */
  revoked: string | null;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "TokenMade".
 */
export interface TokenMade {
  /**
   * For people; unique.
   */
  name: string;
  /**
   * What it may do.
   *
   * Items: A scope.
   */
  scopes: ('read' | 'logs' | 'reconcile' | 'operate' | 'exec' | 'admin')[];
  /**
   * Only apps of this project.
   */
  project: string | null;
  /**
   * Only apps with these labels.
   */
  selector: string | null;
  /**
   * Who made it; `plimsoll.yaml` for a declared one.
   */
  createdBy: string;
  /**
   * When it was made.
   */
  createdAt: string | null;
  /**
   * When it ends.
   */
  expires: string | null;
  /**
   * To the minute.
   */
  lastUsed: string | null;
  /**
   * When it was revoked.
   */
  revoked: string | null;
  /**
   * The token itself: it is shown this once.
   */
  token: string;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "AuditPage".
 */
export interface AuditPage {
  /**
   * In the order of the list.
   */
  items: AuditItem[];
  /**
   * Give it as `cursor` for the next page; null on the last one.
   */
  next: string | null;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "AuditItem".
 */
export interface AuditItem {
  /**
   * Rises.
   */
  id: number;
  /**
   * When, or when last.
   */
  at: string | null;
  /**
   * Name of a token, or of a user of the socket.
   */
  actor: string;
  /**
   * How they came.
   */
  via: 'socket' | 'tcp';
  /**
   * Empty on the socket.
   */
  address: string;
  /**
   * What they wanted.
   */
  verb: string;
  /**
   * Of what.
   */
  object: string;
  /**
   * What came of it.
   */
  outcome: 'done' | 'refused' | 'failed';
  /**
   * Code and message of the problem.
   */
  detail: string;
  /**
   * Also in the answer and in the log; of the first one when counted.
   */
  requestId: string;
  /**
   * Refusals of one kind are counted up.
   */
  count: number;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "DeploymentLine".
 */
export interface DeploymentLine {
  /**
   * Null where only the order is known.
   */
  time: string | null;
  /**
   * Escaped.
   */
  line: string;
}
/**
 * This interface was referenced by `Paths`'s JSON-Schema
 * via the `definition` "LogItem".
 */
export interface LogItem {
  /**
   * Where it was written.
   */
  stream: 'stdout' | 'stderr';
  /**
   * Escaped.
   */
  line: string;
  /**
   * Its name.
   */
  container: string;
  /**
   * Counted from 0.
   */
  replica: number;
}
