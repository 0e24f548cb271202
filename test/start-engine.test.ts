import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { whatWentWrong } from '../.ci/engine.ts';

const start = suite('the engine that a script starts');

const panic = `time="2026-11-30T20:00:00Z" level=info msg="Loading containers: start."
panic: invalid page type: 0: 0

goroutine 1 [running]:
go.etcd.io/bbolt.(*Cursor).search(0xc000, {0x55, 0x2, 0x2})
main.main()
\t/build/cmd/dockerd/docker.go:97 +0x15d`;

start('one that panicked is told by the panic, not by the stacks below it', () => {
  assert.is(whatWentWrong(panic), 'panic: invalid page type: 0: 0');
});

start('one that gave up is told by its reason', () => {
  const reason =
    'failed to start daemon: pid file found, ensure docker is not running or delete /run/docker.pid';
  assert.is(whatWentWrong(`level=info msg="Starting up"\n${reason}\n`), reason);
});

start('without a reason the end of its log is shown', () => {
  const lines = Array.from({ length: 20 }, (_, at) => `line ${at}`);
  assert.is(whatWentWrong(`${lines.join('\n')}\n`), lines.slice(5).join('\n'));
});

start.run();
