// Generated from schemas/app.schema.json by `npm run generate`. Do not edit.

/**
 * One app on the host: what runs, how it is reached and how a new release comes in.
 */
export interface AppManifest {
  /**
   * Version of the manifest's format.
   */
  apiVersion: 'plimsoll/v1';
  /**
   * What the manifest declares.
   */
  kind: 'App';
  /**
   * What the app is called and how it is grouped.
   */
  metadata: {
    /**
     * Unique in the config repo; other apps reach this one by it.
     */
    name: string;
    /**
     * For selectors, as in `-l team=web`. Names under `plimsoll.` are ours.
     */
    labels: {
      [k: string]: string;
    };
    /**
     * One sentence for people.
     */
    description?: string;
    /**
     * Shown beside the app: runbook, repository, dashboard.
     */
    links: {
      /**
       * Text of the link.
       */
      title: string;
      /**
       * Where it leads: `http` or `https`.
       */
      url: string;
    }[];
    /**
     * Groups apps: `-p` on every list.
     */
    project?: string;
    /**
     * Groups apps: `-e` on every list.
     */
    environment?: string;
    /**
     * The app's former name: its volumes, history and routes go with it, gaplessly.
     */
    renamedFrom?: string;
  };
  /**
   * What should run.
   */
  spec: {
    /**
     * `stopped`: containers are stopped and kept out of routing, volumes are kept.
     */
    state: 'running' | 'stopped';
    /**
     * Observe and report, change nothing.
     */
    suspend: boolean;
    /**
     * Reference with a tag or a digest.
     */
    image: string;
    /**
     * RFC 3339 time; changing it restarts the app gaplessly.
     */
    restartedAt?: string;
    /**
     * `always`: the tag's digest is looked up each interval; a moved digest is a change.
     */
    pull: 'missing' | 'always' | 'never';
    /**
     * Replaces the image's command. A string is split into words as a shell would, but no shell runs.
     */
    command?: string[] | string;
    /**
     * Replaces the image's entrypoint.
     */
    entrypoint?: string[] | string;
    /**
     * Absolute path in the container.
     */
    workingDir?: string;
    /**
     * Name or id, optionally with `:group`.
     */
    user?: string;
    /**
     * Short for one port named `http`.
     */
    port?: number;
    /**
     * Ports the app listens on.
     */
    ports: {
      /**
       * What domains and health checks call it.
       */
      name: string;
      /**
       * Where the app listens.
       */
      container: number;
      /**
       * Transport protocol.
       */
      protocol: 'tcp' | 'udp';
      /**
       * Publishes the port on the host.
       */
      host?: number;
      /**
       * Address of the host to publish on; all of them when absent.
       */
      hostIp?: string;
    }[];
    /**
     * HTTP routes through Caddy. A string is short for `{host: …}`.
     */
    domains: (
      | string
      | {
          /**
           * DNS name; `*.example.com` is allowed.
           */
          host: string;
          /**
           * Path prefix; `/` for all.
           */
          path: string;
          /**
           * Name of one of the app's ports.
           */
          port: string;
          /**
           * `auto`: a public certificate. `internal`: Caddy's own authority. `off`: plain HTTP.
           */
          tls: 'auto' | 'internal' | 'off';
          /**
           * Hosts that answer with a permanent redirect to `host`.
           */
          redirectFrom: string[];
          /**
           * Removes `path` before the app sees the request.
           */
          stripPrefix: boolean;
          /**
           * Set on every answer.
           */
          headers: {
            [k: string]: string;
          };
          /**
           * How requests are spread over replicas.
           */
          loadBalancing: 'round-robin' | 'least-conn' | 'ip-hash' | 'cookie';
          /**
           * Compress answers.
           */
          compress: boolean;
          /**
           * Addresses and CIDR ranges that may ask; empty allows all.
           */
          allowIPs: string[];
          /**
           * Who may pass: every key of the secret is a user, its value the password or its bcrypt hash.
           */
          basicAuth?: {
            /**
             * Name of a `kind: Secret`.
             */
            secret: string;
          };
          /**
           * Largest request body.
           */
          maxBody?: number | string;
        }
    )[];
    /**
     * Variables. Numbers and booleans are written as they stand in the file; `{secret: NAME/KEY}` takes a key of a secret.
     */
    env: {
      [k: string]:
        | string
        | {
            /**
             * NAME/KEY of a `kind: Secret`.
             */
            secret: string;
          };
    };
    /**
     * All keys of each secret as variables; `env` goes before them, and a later secret before an earlier one.
     */
    envFrom: {
      /**
       * Name of a `kind: Secret`.
       */
      secret: string;
    }[];
    /**
     * Configuration files put into the container; secret ones lie in memory.
     */
    files: {
      /**
       * Path of the file in the container.
       */
      mount: string;
      /**
       * The text itself.
       */
      content?: string;
      /**
       * A file of the config repo, relative to the manifest.
       */
      from?: string;
      /**
       * NAME/KEY of a `kind: Secret`.
       */
      secret?: string;
      /**
       * Permission bits in octal; 0644 when absent, 0400 for a secret.
       */
      mode?: string;
      /**
       * What a changed content does: `restart` replaces the containers, `signal:SIGHUP` puts the file in place and sends the signal, `none` only puts it in place.
       */
      onChange: string;
    }[];
    /**
     * One of `name` (kept data), `hostPath` (a path of the host, if its policy allows it), `tmpfs`.
     */
    volumes: {
      /**
       * A named volume, `plimsoll-APP-NAME` on the engine.
       */
      name?: string;
      /**
       * An absolute path of the host.
       */
      hostPath?: string;
      /**
       * Memory that is gone with the container.
       */
      tmpfs?: true;
      /**
       * Path in the container.
       */
      mount: string;
      /**
       * The app cannot write to it.
       */
      readOnly: boolean;
      /**
       * Keep the named volume when the app is removed.
       */
      retain: boolean;
      /**
       * Largest size of a tmpfs.
       */
      size?: number | string;
    }[];
    /**
     * Containers that run side by side.
     */
    replicas: number;
    /**
     * Limits of one container.
     */
    resources: {
      /**
       * `0.5` or `500m`.
       */
      cpus?: number | string;
      /**
       * `256Mi`, `512m`, `512mb`, `2g` or bytes; all units are powers of 1024.
       */
      memory?: number | string;
      /**
       * Most processes and threads.
       */
      pids: number;
    };
    /**
     * Networks joined besides our own.
     */
    networks: string[];
    /**
     * One of `http`, `tcp`, `exec`. Without one, running for 5 s counts as healthy, and an image's own HEALTHCHECK is honoured.
     */
    healthCheck: {
      /**
       * Asked from outside the container; redirects are not followed.
       */
      http?: {
        /**
         * Path and query to ask for.
         */
        path: string;
        /**
         * Name or number of a declared port; default `http`, or the only tcp port.
         */
        port?: number | string;
        /**
         * Accepted status codes.
         */
        status: string;
        /**
         * Sent with the request.
         */
        headers: {
          [k: string]: string;
        };
      };
      /**
       * Accepting a connection is healthy.
       */
      tcp?: {
        /**
         * Name or number of a declared port; default `http`, or the only tcp port.
         */
        port?: number | string;
      };
      /**
       * A command in the container; exit code 0 is healthy.
       */
      exec?: {
        /**
         * What to run.
         */
        command: string[] | string;
      };
      /**
       * Time between two checks.
       */
      interval: string;
      /**
       * Time for one answer.
       */
      timeout: string;
      /**
       * Failures in a row that make it unhealthy.
       */
      retries: number;
      /**
       * Successes in a row that make it healthy.
       */
      successes: number;
      /**
       * Failures in this time after the start do not count.
       */
      startPeriod: string;
    };
    /**
     * How a new release comes in.
     */
    deploy: {
      /**
       * `start-first` loses no request. Default `stop-first` with a writable volume or a host port, else `start-first`.
       */
      order?: 'start-first' | 'stop-first';
      /**
       * Replica by replica.
       */
      strategy: 'rolling';
      /**
       * Containers above `replicas` while rolling.
       */
      maxSurge: number;
      /**
       * Time from a container's start until it must be healthy.
       */
      deadline: string;
      /**
       * Time that a routed release must stay healthy before the old one is given up.
       */
      bake: string;
      /**
       * Time between leaving the routes and being stopped.
       */
      drain: string;
      /**
       * Time between SIGTERM and SIGKILL.
       */
      stopGrace: string;
      /**
       * What a failed release does.
       */
      onFailure: 'rollback' | 'pause';
      /**
       * `manual`: waits for `plimsoll approve`.
       */
      approval: 'auto' | 'manual';
      /**
       * RFC 3339 time before which the release does not come in.
       */
      notBefore?: string;
    };
    /**
     * One-off containers of the new release.
     */
    hooks: {
      /**
       * If it fails, the deployment fails before anything changed.
       */
      preDeploy?: {
        /**
         * What to run.
         */
        command: string[] | string;
        /**
         * Time it may take.
         */
        timeout: string;
      };
      /**
       * Runs when the new release serves.
       */
      postDeploy?: {
        /**
         * What to run.
         */
        command: string[] | string;
        /**
         * Time it may take.
         */
        timeout: string;
      };
    };
    /**
     * Apps that come first; on removal they go last. A string is short for `{app: …}`.
     */
    dependsOn: (
      | string
      | {
          /**
           * The other app's name.
           */
          app: string;
          /**
           * What to wait for.
           */
          condition: 'healthy' | 'started';
        }
    )[];
    /**
     * What happens when a container ends.
     */
    restart: 'always' | 'on-failure' | 'never';
    /**
     * Subject to the host's policy.
     */
    security: {
      /**
       * The container's own file system cannot be written.
       */
      readOnlyRootfs: boolean;
      /**
       * Only if the host's policy allows it.
       */
      capAdd: string[];
      /**
       * `ALL` drops every one.
       */
      capDrop: string[];
      /**
       * Turning it off needs the host's policy.
       */
      noNewPrivileges: boolean;
      /**
       * Only if the host's policy allows it.
       */
      privileged: boolean;
    };
    /**
     * Log rotation.
     */
    logging: {
      /**
       * Size of one log file.
       */
      maxSize: number | string;
      /**
       * Log files kept.
       */
      maxFile: number;
    };
    /**
     * What the loop may do by itself.
     */
    policy: {
      /**
       * Undo what someone changed by hand.
       */
      selfHeal: boolean;
      /**
       * What happens when the manifest is gone: removed, removed when confirmed, or left.
       */
      prune: 'auto' | 'confirm' | 'never';
      /**
       * Times in which deployments may, or may not, begin.
       */
      windows: {
        /**
         * Cron schedule at which an allowed time begins.
         */
        allow?: string;
        /**
         * Cron schedule at which a denied time begins.
         */
        deny?: string;
        /**
         * How long each one lasts.
         */
        for: string;
        /**
         * IANA name.
         */
        timeZone: string;
      }[];
    };
  };
}
