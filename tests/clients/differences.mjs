// Usage: node differences.mjs '[{"model", "value"}, ...]'. Prints how each value differs from its model.
import { differences } from './models.mjs'

const cases = JSON.parse(process.argv[2])
process.stdout.write(JSON.stringify(cases.map(({ model, value }) => differences(value, model))))
