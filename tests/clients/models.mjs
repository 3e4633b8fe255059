// Compares answers with the models of Segment's own SDK. The SDK itself checks nothing: what it
// does not know it drops, and what is missing it leaves undefined.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import sdk from '@segment/public-api-sdk-typescript'

const MODELS = join(dirname(createRequire(import.meta.url).resolve('@segment/public-api-sdk-typescript')), 'model')
const PRIMITIVES = ['string', 'number', 'boolean']
const FREE = ['any', 'object', '{ [key: string]: any; }']

// Every way in which `value` differs from the model: "data.sources[].metadata.status: unknown".
export function differences(value, model) {
  return [...new Set(compare(value, model, 'body'))].map((each) => each.replace(/^body\./, ''))
}

function* compare(value, type, path) {
  if (FREE.includes(type)) return
  if (PRIMITIVES.includes(type)) yield* expect(typeof value === type, path, `not a ${type}`)
  else if (type.startsWith('Array<')) yield* compareItems(value, type.slice(6, -1), `${path}[]`)
  else if (type.endsWith('Enum')) yield* expect(members(type).includes(value), path, `not a ${type}`)
  else yield* compareFields(value, type, path)
}

function* compareItems(value, type, path) {
  yield* expect(Array.isArray(value), path, 'not an array')
  for (const item of Array.isArray(value) ? value : []) yield* compare(item, type, path)
}

function* compareFields(value, model, path) {
  const declared = fields(model)
  for (const name of Object.keys(value)) yield* expect(declared.has(name), `${path}.${name}`, 'unknown')
  for (const [name, { type, optional, nullable }] of declared) {
    const found = value[name]
    if (found === undefined) yield* expect(optional, `${path}.${name}`, 'missing')
    else if (found === null) yield* expect(nullable, `${path}.${name}`, 'null')
    else yield* compare(found, type, `${path}.${name}`)
  }
}

function* expect(fine, path, otherwise) {
  if (!fine) yield `${path}: ${otherwise}`
}

// Names and types come from the attributeTypeMap; only the declaration says what is optional.
function fields(model) {
  const file = `${model[0].toLowerCase()}${model.slice(1)}.d.ts`
  const declaration = readFileSync(join(MODELS, file), 'utf8')
  return new Map(sdk[model].getAttributeTypeMap().map(({ baseName, type }) => {
    const [, mark, declared] = declaration.match(new RegExp(`^    '${baseName}'(\\??): ([^;]*)`, 'm'))
    return [baseName, { type, optional: mark === '?', nullable: /\bnull\b|\bany\b/.test(declared) }]
  }))
}

function members(type) {
  const [model, name] = type.split('.')
  return Object.values(sdk[model][name])
}
