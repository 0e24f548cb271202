import { object, pageOf, text, time, whole } from './schema.ts';

export const usageSchemas = {
  UsageItem: object({
    app: text('Whose it is.'),
    replica: whole('Counted from 0.'),
    container: text('Its name.'),
    id: text('As the engine says.'),
    at: time('When it was measured.'),
    cpuPercent: { type: 'number', minimum: 0, description: '100 is one CPU.' },
    cpuSeconds: { type: 'number', minimum: 0, description: 'Since its start.' },
    memoryBytes: whole('Without the file cache.'),
    memoryLimit: whole('0 for no limit of its own.'),
    networkReceivedBytes: whole('Since its start.'),
    networkSentBytes: whole('Since its start.'),
    pids: whole('Processes and threads.'),
  }),
  UsagePage: pageOf('UsageItem'),
};
