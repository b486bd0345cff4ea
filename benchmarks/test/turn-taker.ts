import { ourTurn } from '../src/arms/shared/turns.ts';

/** Tells of every turn that it took. */
for (let turn = 1; ; turn++) {
  await ourTurn();
  process.send?.(`took ${turn}`);
}
