import { installFromDebian, type Installation, type Progress } from '../install/install.ts';
import { rabbitmqRecipe, type RabbitmqLine } from './lines.ts';

/** Puts a RabbitMQ of this line into the testbed's directory, once. Needs no root. */
export async function installRabbitmq(line: RabbitmqLine, progress?: Progress): Promise<Installation> {
  return installFromDebian(rabbitmqRecipe(line), progress);
}
