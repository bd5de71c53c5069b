declare const __GALLERY__: boolean

declare module '*?worker&url' {
  const url: string
  export default url
}
