import { pythonEngine } from './venv.ts'

/** PyIceberg over the same SQLite catalog. */
export const pyiceberg = pythonEngine({
  name: 'pyiceberg',
  what: 'PyIceberg 0.11.1 with PyArrow 26.0.1 for Python 3.11',
  wheels: 'pyiceberg/requirements.txt',
})

/** The interpreter that has PyIceberg. */
export const { python } = pyiceberg
