import { install } from '../install/install.ts';
import type { Installation, Progress } from '../install/recipe.ts';
import { rabbitmqRecipe, type RabbitmqLine } from './lines.ts';

/** Puts a RabbitMQ of this line into the testbed's directory, once. Needs no root. */
export async function installRabbitmq(line: RabbitmqLine, progress?: Progress): Promise<Installation> {
  return install(rabbitmqRecipe(line), progress);
}
