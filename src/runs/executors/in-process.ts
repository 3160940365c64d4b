import { masked } from '../../resources/secret.ts'
import { answerStep } from '../answer-step.ts'
import type { StepEnvironment } from '../step-environment.ts'
import type { Executor } from '../executor.ts'

/**
 * Steps in this process, one at a time: for tests of users, whose code is here already. What a step prints goes where the
 * process prints. @param root absolute folder that user code lies in
 */
export const inProcess = (environment: Omit<StepEnvironment, 'log'>, root: string): Executor => ({
  slots: 1,
  run: (step, onLine, limit) => {
    limit?.begun()
    const line = (text: string): void => onLine('log', masked(text))
    return answerStep({ ...environment, log: { info: line, warn: (text) => line(`warning: ${text}`) } }, step, root)
  },
  kill: () => {},
  close: async () => {},
})
