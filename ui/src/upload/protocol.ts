// Screens that are there to take files import this: the code that speaks tus is then here while the server is away. The first page,
// whose weight counts, goes without.
import * as tus from 'tus-js-client'
import { speak } from './tus.ts'

speak(tus)
