import { test } from 'uvu';
import { splitFiles, testCorpus } from '../corpus-file.ts';
import { usualHead, validated } from './corpus.ts';

// Every case is the files of a config repo; `-- path` begins a further one.
testCorpus(new URL('../corpus/manifests/', import.meta.url), ({ whole, lines }) => {
  const head = whole ? [] : usualHead.trimEnd().split('\n');
  return validated(splitFiles([...head, ...lines], 'app.yaml'));
});

test.run();
